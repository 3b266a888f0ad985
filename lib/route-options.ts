import { isAbsolute, posix } from 'node:path'
import type { FastifyCorsOptions } from '@fastify/cors'
import type { RouteShorthandOptions } from 'fastify'
import { BESIDE_CLIENT } from './browser-files.ts'
import { demand, isObject, isPath, readObject } from './option-rules.ts'

/** Where your own pages are. */
export interface StaticOptions {
  root: string
  prefix?: string | undefined
}

/** @fastify/cors options that are about the answer. */
export type CorsOptions = Omit<FastifyCorsOptions, 'hook' | 'delegator'>

/** The CORS options of the routes of this plugin, complete. */
export interface Cors {
  readonly options: FastifyCorsOptions
  /** The application said nothing. */
  readonly isDefault: boolean
}

// The options of what has a URL: the stream route, the browser client, the inspector, pages, and who else may read them. Every reader
// throws FST_SSE_OPTION_UNKNOWN or FST_SSE_OPTION_INVALID, and names the option, the rule and the value.

// Those of @fastify/cors that are about the answer; `hook` and `delegator` are about how it is found, which is ours.
const CORS_OPTIONS = ['origin', 'credentials', 'methods', 'exposedHeaders', 'allowedHeaders', 'maxAge', 'cacheControl', 'preflight',
  'preflightContinue', 'strictPreflight', 'optionsSuccessStatus', 'hideOptionsRoute', 'logLevel']

const CORS_DEFAULTS = {
  origin: '*', methods: 'GET,HEAD', credentials: false, exposedHeaders: null, allowedHeaders: null, maxAge: null
}

export function readUrl (prefix: string, path: string | false): string | false {
  demand(path === false || isPath(path), 'path', 'a path that begins with "/", or false', path)
  return path === false ? false : join(prefix, path)
}

/** As Fastify joins them: one slash between, none alone at the end. */
function join (prefix: string, path: string): string {
  const url = prefix.endsWith('/') ? prefix + path.slice(1) : prefix + path
  return prefix !== '' && path === '/' ? prefix : url
}

export function readRoute (route: Omit<RouteShorthandOptions, 'handler'>): Omit<RouteShorthandOptions, 'handler'> {
  demand(isObject(route), 'route', 'an object of Fastify\'s route options', route)
  for (const key of ['url', 'path', 'method', 'handler', 'exposeHeadRoute']) {
    demand(!Object.hasOwn(route, key), `route.${key}`, 'left to the plugin', route[key as keyof typeof route])
  }
  return route
}

export function readClient (prefix: string, value: string | false): string | false {
  demand(value === false || (isPath(value) && !value.endsWith('/')), 'client', 'a path that begins with "/" and does not end with it, or false', value)
  if (value === false) return false
  demand(!BESIDE_CLIENT.includes(posix.basename(value)), 'client', `named otherwise than what is served beside it, ${BESIDE_CLIENT.join(', ')}`, value)
  return join(prefix, value)
}

export function readInspector (prefix: string, value: string | boolean): string | false {
  const path = value === true ? '/sse/' : value
  demand(path === false || (isPath(path) && path.endsWith('/')), 'inspector', 'true, false, or a path that begins and ends with "/"', value)
  return path === false ? false : join(prefix, path).replace(/\/?$/, '/')
}

export function readStatic (outer: string, value: StaticOptions | false): { root: string, prefix: string } | false {
  if (value === false) return false
  const { root, prefix = '/' } = readObject('static', value, ['root', 'prefix'])
  demand(typeof root === 'string' && isAbsolute(root), 'static.root', 'an absolute path of a directory', root)
  demand(isPath(prefix), 'static.prefix', 'a path that begins with "/"', prefix)
  return { root, prefix: join(outer, prefix) }
}

export function readCors (value: CorsOptions | false | undefined): Cors | false {
  if (value === false) return false
  // Complete, so that none of the host's global options shines through where ours are asked for.
  const options = { ...CORS_DEFAULTS, ...readObject('cors', value === undefined ? {} : value, CORS_OPTIONS) } as FastifyCorsOptions
  const { origin, credentials } = options
  // Perhaps from an environment that lacks it: any origin would be the wrong guess.
  demand(origin !== undefined, 'cors.origin', 'given, where it stands at all', origin)
  demand(typeof credentials === 'boolean', 'cors.credentials', 'true or false', credentials)
  const anyOrigin = [origin].flat().some((one) => one === '*' || one === true)
  demand(!(anyOrigin && credentials), 'cors.origin',
    'a list of origins where "credentials" is true: browsers refuse "*" with credentials, and with true any page could read as your user', origin)
  return { options, isDefault: value === undefined }
}
