import type { Declarations } from '../../lib/schema/declarations.ts'
import type { Backoff } from '../connection/backoff.ts'
import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import type { RequestHeaders } from '../transport/fetch-transport.ts'
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
  /** An attempt that is not answered is given up after so long. Infinity: never. @defaultValue 30_000 */
  readonly connectTimeout?: number | undefined
  /** Told of events that could not be read and of what listeners throw. @defaultValue reported as uncaught errors are */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Gets every event as it came, before it is parsed: for tools. An EventSource gives those alone that are listened to. */
  readonly observe?: ((event: ParsedEvent) => void) | undefined
}

/** The options, complete and checked. */
export interface Settings {
  readonly url: string
  readonly text: readonly string[]
  readonly withCredentials: boolean
  readonly lastEventId: string
  /** Null: the browser's own EventSource reads, where there is one. */
  readonly headers: RequestHeaders | null
  readonly validate: (event: string, payload: unknown) => boolean
  readonly share: boolean | string
  readonly backoff: Backoff
  readonly connectTimeout: number
  readonly onError: (error: unknown) => void
  readonly observe: (event: ParsedEvent) => void
}

/** The options with their defaults: `undefined` where there is none. */
const DEFAULTS = {
  text: [] as readonly string[],
  withCredentials: false,
  lastEventId: '',
  headers: null as RequestHeaders | null,
  validate: (_event: string, _payload: unknown): boolean => true,
  share: false as boolean | string,
  backoff: {} as object,
  connectTimeout: 30_000,
  onError: report,
  observe: (_event: ParsedEvent): void => {}
}

const BACKOFF: Backoff = { base: 1000, cap: 30_000 }

/** @throws a TypeError that names the option, the rule and the value. */
export function readOptions (url: string | URL, options: Partial<ConnectOptions>): Settings {
  const { text, lastEventId, backoff, connectTimeout, ...others } = complete('', DEFAULTS, { ...options, lastEventId: options.lastEventId ?? undefined })
  const { href, place } = readUrl(url)
  return {
    ...others,
    url: href,
    text: [...text],
    lastEventId: lastEventId || place || '',
    backoff: complete('backoff.', BACKOFF, backoff),
    // A timer of more fires at once.
    connectTimeout: Math.min(connectTimeout, 2 ** 31 - 1)
  }
}

function complete<T> (prefix: string, defaults: T, options: object): T {
  const all = { ...defaults } as Record<string, unknown>
  for (const [name, value] of Object.entries(options)) {
    demand(Object.hasOwn(all, name), `${prefix}option`, `one of ${Object.keys(all)}`, name)
    if (value === undefined) continue
    const type = typeof all[name]
    const given = typeof value
    // A function is an object, too. Null, NaN and numbers below 0 are never right.
    const isRight = type === 'object' ? Object(value) === value : (given === type || (name === 'share' && given === 'string')) && (type !== 'number' || value >= 0)
    demand(isRight, prefix + name, type === 'number' ? 'milliseconds' : `of type ${type}`, value)
    all[name] = value
  }
  return all as T
}

/** A URL without a place in the stream, and the place that stood in it. */
function readUrl (given: string | URL): { href: string, place: string | null } {
  let url: URL | undefined
  try {
    url = new URL(given, globalThis.document?.baseURI ?? globalThis.location?.href)
  } catch {
    // Below.
  }
  demand(url !== undefined && url.username + url.password === '', 'url', 'an absolute URL without a user', given)
  const place = url.searchParams.get('lastEventId')
  if (place !== null) url.searchParams.delete('lastEventId')
  url.hash = ''
  return { href: url.href, place }
}

function demand (holds: boolean, option: string, rule: string, value: unknown): asserts holds {
  if (!holds) throw new TypeError(`connect: "${option}" must be ${rule}; it is ${value}`)
}

/** As browsers report what nobody caught. Node has no such function. */
export function report (error: unknown): void {
  (globalThis.reportError ?? console.error)(error)
}
