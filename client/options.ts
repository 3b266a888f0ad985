import type { Declarations } from '../lib/event-types.ts'
import type { Backoff } from './backoff.ts'
import type { ParsedEvent } from './event-stream-parser.ts'
import type { RequestHeaders } from './fetch-transport.ts'
import type { AnyDeclarations, TextEvent } from './payloads.ts'

/** Times are milliseconds. */
export interface ConnectOptions<D extends Declarations = AnyDeclarations> {
  /** The events whose payload is text, for servers that do not name them in `sse.open`. All others are JSON. */
  readonly text?: ReadonlyArray<TextEvent<D>> | undefined
  /** Cookies go to other origins, too. @defaultValue false */
  readonly withCredentials?: boolean | undefined
  /** The event ID to go on from, as of a snapshot; null, as a server without `history` gives: what comes next. @defaultValue what comes next */
  readonly lastEventId?: string | null | undefined
  /** Request headers, or a function that gives them, asked anew at every attempt. With it the stream is read by `fetch`. */
  readonly headers?: RequestHeaders | undefined
  /** Whether a payload is what its event says. With false, or when it throws, the event is reported and not dispatched. */
  readonly validate?: ((event: string, payload: unknown) => boolean) | undefined
  /** All tabs of this origin that ask for the same URL, with the same text if one is given here, read one stream, by `fetch`. @defaultValue false */
  readonly share?: boolean | string | undefined
  /** A wait is drawn between 0 and `base`, twice that after each further failure, at most `cap`. @defaultValue { base: 1000, cap: 30_000 } */
  readonly backoff?: { readonly base?: number | undefined, readonly cap?: number | undefined } | undefined
  /** An attempt that is not answered is given up after so long. Infinity: never. @defaultValue 45_000 */
  readonly connectTimeout?: number | undefined
  /** Told of events that could not be read and of what listeners throw. @defaultValue reported as uncaught errors are */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Gets every event as it came, before it is parsed: for tools. An EventSource gives those alone that are listened to. */
  readonly observe?: ((event: ParsedEvent) => void) | undefined
}

/** The options, complete and checked. */
export interface Settings {
  readonly url: string
  readonly text: ReadonlySet<string>
  readonly withCredentials: boolean
  readonly lastEventId: string
  readonly headers: RequestHeaders | undefined
  readonly validate: (event: string, payload: unknown) => boolean
  readonly share: boolean | string
  readonly backoff: Backoff
  readonly connectTimeout: number
  readonly onError: (error: unknown) => void
  readonly observe: (event: ParsedEvent) => void
}

/** The options with their defaults: `undefined` where there is none. */
const DEFAULTS = {
  text: undefined as readonly string[] | undefined,
  withCredentials: false,
  lastEventId: undefined as string | null | undefined,
  headers: undefined as RequestHeaders | undefined,
  validate: (_event: string, _payload: unknown): boolean => true,
  share: '' as boolean | string,
  backoff: {} as object,
  connectTimeout: 45_000,
  onError: report,
  observe: (_event: ParsedEvent): void => {}
}

const BACKOFF: Backoff = { base: 1000, cap: 30_000 }

// By the type of a default.
const RULES: Readonly<Record<string, string>> = { boolean: 'true or false', function: 'a function', number: 'milliseconds from 0', object: 'an object', string: 'true, false or text' }

/** @throws a TypeError that names the option, the rule and the value. */
export function readOptions (url: string | URL, options: Partial<ConnectOptions>): Settings {
  const { text = [], lastEventId, backoff, ...others } = complete('', DEFAULTS, options)
  const { headers, connectTimeout } = others
  demand(Array.isArray(text) && text.every((name) => typeof name === 'string'), 'text', 'a list of events', text)
  demand(lastEventId == null || typeof lastEventId === 'string', 'lastEventId', 'text', lastEventId)
  demand(headers === undefined || typeof headers === 'function' || isObject(headers), 'headers', 'an object or a function', headers)
  demand(connectTimeout > 0, 'connectTimeout', 'milliseconds from 1', connectTimeout)
  const { href, place } = readUrl(url)
  return {
    ...others,
    url: href,
    text: new Set(text),
    lastEventId: lastEventId ?? place,
    backoff: complete('backoff.', BACKOFF, backoff),
    // A timer of more fires at once.
    connectTimeout: Math.min(connectTimeout, 2 ** 31 - 1)
  }
}

function complete<T> (prefix: string, defaults: T, options: object): T {
  const all = { ...defaults } as Record<string, unknown>
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(all, name)) throw new TypeError(`connect: "${prefix}${name}" is unknown; known are ${Object.keys(all).join(', ')}`)
    if (value === undefined) continue
    const type = typeof all[name]
    const given = typeof value
    const isOfType = (given === type || (given === 'boolean' && type === 'string')) && value !== null && (type !== 'number' || value >= 0)
    demand(isOfType || type === 'undefined', prefix + name, RULES[type]!, value)
    all[name] = value
  }
  return all as T
}

/** A URL without a place in the stream, and the place that stood in it. */
function readUrl (given: string | URL): { href: string, place: string } {
  let url: URL | undefined
  try {
    url = new URL(given, globalThis.document?.baseURI ?? globalThis.location?.href)
  } catch {
    // Below.
  }
  demand(url !== undefined && url.username + url.password === '', 'url', 'a URL without a user, absolute where there is no page', given)
  const place = url.searchParams.get('lastEventId')
  if (place !== null) url.searchParams.delete('lastEventId')
  url.hash = ''
  return { href: url.href, place: place ?? '' }
}

function isObject (value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function demand (holds: boolean, option: string, rule: string, value: unknown): asserts holds {
  if (!holds) throw new TypeError(`connect: "${option}" must be ${rule}; it is ${typeof value === 'string' ? JSON.stringify(value) : String(value)}`)
}

/** As browsers report what nobody caught. Node has no such function. */
export function report (error: unknown): void {
  (globalThis.reportError ?? console.error)(error)
}
