import { isAbsolute, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyCorsOptions } from '@fastify/cors'
import type { FastifyStaticOptions } from '@fastify/static'
import type { RouteShorthandOptions } from 'fastify'
import { demand, isObject, isPath, readObject } from '../option-rules.ts'
import { BESIDE_CLIENT } from './browser-files.ts'

/**
 * Your own pages: the options of @fastify/static, except for those that this plugin sets. Files and folders whose name begins with a dot are
 * answered with 404 unless `dotfiles` says otherwise, and so are links that lead out of every root.
 */
export type StaticOptions = Omit<FastifyStaticOptions, 'root' | 'prefix' | 'serve' | 'decorateReply' | 'logSerializers'> & {
  /** An absolute directory, or a list of those: the first that has a file serves it. */
  root: string | URL | ReadonlyArray<string | URL>
  /** @defaultValue '/' */
  prefix?: string | undefined
}

/** The options of the pages, complete. */
export interface Pages extends Omit<StaticOptions, 'root' | 'prefix'> {
  readonly root: string[]
  readonly prefix: string
}

/** Fastify's route options, for the stream route. */
export type StreamRoute = Omit<RouteShorthandOptions, 'handler'>

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

interface Rule {
  readonly text: string
  holds (value: unknown): boolean
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)

const SWITCH: Rule = { text: 'true or false', holds: (value) => typeof value === 'boolean' }
const TEXTS: Rule = { text: 'a list of texts', holds: isTexts }
const FUNCTION: Rule = { text: 'a function', holds: (value) => typeof value === 'function' }
const INDEX: Rule = { text: 'false, a file name, or a list of those', holds: (value) => value === false || isText(value) || isTexts(value) }
const AGE: Rule = { text: 'milliseconds, or text such as "1d"', holds: (value) => isText(value) || typeof value === 'number' }
const ANY: Rule = { text: '', holds: () => true }

// @fastify/static looks at most of them when it serves a file, where a wrong one would end the process.
const STATIC_OPTIONS: Readonly<Record<keyof StaticOptions, Rule>> = {
  root: ANY,
  prefix: ANY,
  prefixAvoidTrailingSlash: SWITCH,
  dotfiles: ANY,
  serveDotFiles: SWITCH,
  allowedPath: FUNCTION,
  index: INDEX,
  extensions: TEXTS,
  list: ANY,
  redirect: SWITCH,
  wildcard: SWITCH,
  globIgnore: TEXTS,
  preCompressed: SWITCH,
  setHeaders: FUNCTION,
  cacheControl: SWITCH,
  maxAge: AGE,
  immutable: SWITCH,
  etag: SWITCH,
  lastModified: SWITCH,
  acceptRanges: SWITCH,
  contentType: SWITCH,
  constraints: ANY,
  schemaHide: SWITCH,
  suppressWarning: SWITCH,
  logLevel: ANY
}

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

export function readRoute (route: StreamRoute): StreamRoute {
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

export function readStatic (outer: string, value: StaticOptions | false): Pages | false {
  if (value === false) return false
  const options = readObject('static', value, Object.keys(STATIC_OPTIONS))
  for (const [name, given] of Object.entries(options)) {
    const { text, holds } = STATIC_OPTIONS[name as keyof StaticOptions]
    demand(given === undefined || holds(given), `static.${name}`, text, given)
  }
  const { root, prefix = '/', dotfiles = 'ignore', allowedPath = () => true, ...others } = options
  const roots = [root].flat().map((one) => one instanceof URL && one.protocol === 'file:' ? fileURLToPath(one) : one)
  demand(roots.length > 0 && roots.every(isDirectoryPath), 'static.root', 'an absolute path of a directory, or a list of those', root)
  demand(isPath(prefix), 'static.prefix', 'a path that begins with "/"', prefix)
  demand(['allow', 'deny', 'ignore'].includes(dotfiles), 'static.dotfiles', '"allow", "deny" or "ignore"', dotfiles)
  return { ...others, root: roots, prefix: join(outer, prefix), dotfiles, allowedPath }
}

function isDirectoryPath (root: unknown): root is string {
  return typeof root === 'string' && isAbsolute(root)
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
