import type { Declarations } from '../lib/event-types.ts'
import type { Backoff } from './connection.ts'
import type { ParsedEvent } from './event-stream-parser.ts'
import type { RequestHeaders } from './fetch-transport.ts'
import type { AnyDeclarations, TextEvents } from './payloads.ts'

/** Times are milliseconds. */
export type ConnectOptions<D extends Declarations = AnyDeclarations> = CommonOptions & (
  // Asked for where there are any, since types are gone when the data comes.
  readonly [] extends TextEvents<D> ? { readonly text?: TextEvents<D> | undefined } : {
    /** The events whose payload is text: exactly those declared as strings without a transform. All others are JSON. */
    readonly text: TextEvents<D>
  }
)

interface CommonOptions {
  /** Cookies go to other origins, too. @defaultValue false */
  readonly withCredentials?: boolean | undefined
  /** The event ID to go on from, as of a snapshot. @defaultValue what comes next */
  readonly lastEventId?: string | undefined
  /** Request headers, or a function that gives them, asked anew at every attempt. With it the stream is read by `fetch`. */
  readonly headers?: RequestHeaders | undefined
  /** Whether a payload is what its event says. With false, or when it throws, the event is reported and not dispatched. */
  readonly validate?: ((event: string, payload: unknown) => boolean) | undefined
  /** All tabs of this origin that ask for the same URL read one stream, by `fetch`. @defaultValue false */
  readonly share?: boolean | undefined
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
  readonly share: boolean
  readonly backoff: Backoff
  readonly connectTimeout: number
  readonly onError: (error: unknown) => void
  readonly observe: (event: ParsedEvent) => void
}

const OPTIONS = ['text', 'withCredentials', 'lastEventId', 'headers', 'validate', 'share', 'backoff', 'connectTimeout', 'onError', 'observe']

/** @throws a TypeError that names the option, the rule and the value. */
export function readOptions (url: string | URL, options: Partial<ConnectOptions>): Settings {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw new TypeError(`connect: "${name}" is unknown; known are ${OPTIONS.join(', ')}`)
  }
  const {
    text = [], withCredentials = false, lastEventId, headers, validate = () => true, share = false, backoff = {},
    connectTimeout = 45_000, onError = report, observe = () => {}
  } = options
  demand(isObject(backoff), 'backoff', 'an object of base and cap', backoff)
  const { base = 1000, cap = 30_000, ...others } = backoff
  for (const name of Object.keys(others)) demand(false, `backoff.${name}`, 'one of base, cap', name)
  demand(Array.isArray(text) && text.every((name) => typeof name === 'string'), 'text', 'a list of events', text)
  demand(lastEventId === undefined || typeof lastEventId === 'string', 'lastEventId', 'text', lastEventId)
  demand(headers === undefined || typeof headers === 'function' || isObject(headers), 'headers', 'an object or a function', headers)
  for (const [name, value] of Object.entries({ withCredentials, share })) demand(typeof value === 'boolean', name, 'true or false', value)
  for (const [name, value] of Object.entries({ validate, onError, observe })) demand(typeof value === 'function', name, 'a function', value)
  for (const [name, value] of Object.entries({ 'backoff.base': base, 'backoff.cap': cap, connectTimeout })) {
    demand(typeof value === 'number' && value >= 0, name, 'milliseconds from 0', value)
  }
  demand(connectTimeout > 0, 'connectTimeout', 'milliseconds above 0', connectTimeout)
  const { href, place } = readUrl(url)
  return {
    url: href,
    text: new Set(text),
    withCredentials,
    lastEventId: lastEventId ?? place,
    headers,
    validate,
    share,
    backoff: { base, cap },
    // A timer of more fires at once.
    connectTimeout: connectTimeout < 2 ** 31 ? connectTimeout : Infinity,
    onError,
    observe
  }
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
