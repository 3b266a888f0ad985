import { isAbsolute, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyCorsOptions } from '@fastify/cors'
import type { FastifyStaticOptions } from '@fastify/static'
import type { RouteShorthandOptions } from 'fastify'
import { demand, isObject, isPath, readObject } from '../option-rules.ts'
import { BESIDE_CLIENT } from './client-files.ts'

// Reads the options of everything with a URL: the stream route, the browser client, the inspector, pages, CORS. Each function throws
// FST_SSE_OPTION_UNKNOWN or FST_SSE_OPTION_INVALID; the error names the option, the rule and the value.

/**
 * The options for your own pages: those of @fastify/static, except for the ones that this plugin sets. Requests for files and folders whose name
 * begins with a dot get 404 unless `dotfiles` allows them, and so do links that lead out of every root.
 *
 * @see docs/options.md
 */
export type StaticOptions = Omit<FastifyStaticOptions, 'root' | 'prefix' | 'serve' | 'decorateReply' | 'logSerializers'> & {
  /** The absolute path of a directory, or a list of such paths; the first directory that has a file serves it. */
  root: string | URL | ReadonlyArray<string | URL>
  /** The URL of the pages, below the `prefix` of the plugin. @defaultValue '/' */
  prefix?: string | undefined
}

/** The option `static`, complete and checked. */
export interface Pages extends Omit<StaticOptions, 'root' | 'prefix'> {
  readonly root: string[]
  readonly prefix: string
}

/** Fastify's route options, as the option `route` takes them. */
export type StreamRoute = Omit<RouteShorthandOptions, 'handler'>

/**
 * The options of @fastify/cors, except `hook` and `delegator`.
 *
 * @see docs/options.md
 */
export type CorsOptions = Omit<FastifyCorsOptions, 'hook' | 'delegator'>

/** The option `cors`, complete and checked. */
export interface Cors {
  readonly options: FastifyCorsOptions
  /** True if the application did not give the option. */
  readonly isDefault: boolean
}

// `hook` and `delegator` are missing, because they determine how @fastify/cors is attached, which is the plugin's decision.
const CORS_OPTIONS = ['origin', 'credentials', 'methods', 'exposedHeaders', 'allowedHeaders', 'maxAge', 'cacheControl', 'preflight',
  'preflightContinue', 'strictPreflight', 'optionsSuccessStatus', 'hideOptionsRoute', 'logLevel']

interface Rule {
  readonly text: string
  holds (value: unknown): boolean
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)

const SWITCH: Rule = { text: 'true or false', holds: (value) => typeof value === 'boolean' }
const TEXTS: Rule = { text: 'a list of strings', holds: isTexts }
const FUNCTION: Rule = { text: 'a function', holds: (value) => typeof value === 'function' }
const INDEX: Rule = { text: 'false, a file name, or a list of file names', holds: (value) => value === false || isText(value) || isTexts(value) }
const AGE: Rule = { text: 'milliseconds, or a string such as "1d"', holds: (value) => isText(value) || typeof value === 'number' }
const ANY: Rule = { text: '', holds: () => true }

// The plugin checks these options, because @fastify/static reads most of them only when it serves a file, and a wrong one would end the process.
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

/** Reads the option `path`. @returns The URL of the stream route within the scope. */
export function readUrl (prefix: string, path: string | false): string | false {
  demand(path === false || isPath(path), 'path', 'a path that begins with "/", or false', path)
  return path === false ? false : join(prefix, path)
}

/** Joins a prefix and a path as Fastify does: one slash between them, and no slash added at the end. */
function join (prefix: string, path: string): string {
  const url = prefix.endsWith('/') ? prefix + path.slice(1) : prefix + path
  return prefix !== '' && path === '/' ? prefix : url
}

/** Reads the option `route`. */
export function readRoute (route: StreamRoute): StreamRoute {
  demand(isObject(route), 'route', 'an object with Fastify route options', route)
  for (const key of ['url', 'path', 'method', 'handler', 'exposeHeadRoute']) {
    demand(!Object.hasOwn(route, key), `route.${key}`, 'left to the plugin', route[key as keyof typeof route])
  }
  return route
}

/** Reads the option `client`. @returns The URL of the browser client within the scope. */
export function readClient (prefix: string, value: string | false): string | false {
  demand(value === false || (isPath(value) && !value.endsWith('/')), 'client', 'a path that begins with "/" and does not end with it, or false', value)
  if (value === false) return false
  demand(!BESIDE_CLIENT.includes(posix.basename(value)), 'client', `a path whose file name is not one of ${BESIDE_CLIENT.join(', ')}`, value)
  return join(prefix, value)
}

/** Reads the option `inspector`. @returns The URL of the inspector within the scope, with "/" at the end. */
export function readInspector (prefix: string, value: string | boolean): string | false {
  const path = value === true ? '/sse/' : value
  demand(path === false || (isPath(path) && path.endsWith('/')), 'inspector', 'true, false, or a path that begins and ends with "/"', value)
  return path === false ? false : join(prefix, path).replace(/\/?$/, '/')
}

/** Reads the option `static`. @param outer The prefix of the plugin. */
export function readStatic (outer: string, value: StaticOptions | false): Pages | false {
  if (value === false) return false
  const options = readObject('static', value, Object.keys(STATIC_OPTIONS))
  for (const [name, given] of Object.entries(options)) {
    const { text, holds } = STATIC_OPTIONS[name as keyof StaticOptions]
    demand(given === undefined || holds(given), `static.${name}`, text, given)
  }
  const { root, prefix = '/', dotfiles = 'ignore', allowedPath = () => true, ...others } = options
  const roots = [root].flat().map((one) => one instanceof URL && one.protocol === 'file:' ? fileURLToPath(one) : one)
  demand(roots.length > 0 && roots.every(isDirectoryPath), 'static.root', 'the absolute path of a directory, or a list of such paths', root)
  demand(isPath(prefix), 'static.prefix', 'a path that begins with "/"', prefix)
  demand(['allow', 'deny', 'ignore'].includes(dotfiles), 'static.dotfiles', '"allow", "deny" or "ignore"', dotfiles)
  return { ...others, root: roots, prefix: join(outer, prefix), dotfiles, allowedPath }
}

function isDirectoryPath (root: unknown): root is string {
  return typeof root === 'string' && isAbsolute(root)
}

/** Reads the option `cors`. */
export function readCors (value: CorsOptions | false | undefined): Cors | false {
  if (value === false) return false
  // Every option is set, because @fastify/cors would fill in a missing one from the application's own registration.
  const options = { ...CORS_DEFAULTS, ...readObject('cors', value === undefined ? {} : value, CORS_OPTIONS) } as FastifyCorsOptions
  const { origin, credentials } = options
  // Undefined is refused: it may come from a missing environment variable, and the default, any origin, would be unsafe.
  demand(origin !== undefined, 'cors.origin', 'defined if the key is present', origin)
  demand(typeof credentials === 'boolean', 'cors.credentials', 'true or false', credentials)
  const anyOrigin = [origin].flat().some((one) => one === '*' || one === true)
  demand(!(anyOrigin && credentials), 'cors.origin',
    'a list of origins if "credentials" is true: browsers refuse "*" with credentials, and true would let any page read as your user', origin)
  return { options, isDefault: value === undefined }
}
