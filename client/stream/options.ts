import type { Declarations } from '../../lib/schema/declarations.ts'
import type { Backoff } from '../connection/backoff.ts'
import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import type { RequestBody, RequestHeaders } from '../transport/fetch-transport.ts'
import type { AnyDeclarations, TextEvent } from './payloads.ts'

// The options of `connect`: their types, their validation and their defaults.

/**
 * The options of `connect`, all of them optional. Times are in milliseconds.
 *
 * @see docs/client.md
 */
export interface ConnectOptions<D extends Declarations = AnyDeclarations> {
  /** The events whose payload is text, in addition to those that the server names in `sse.open`. Other payloads are JSON. @defaultValue none */
  readonly text?: ReadonlyArray<TextEvent<D>> | undefined
  /** True: cookies are also sent to other origins. False: only to the page's own. @defaultValue false */
  readonly withCredentials?: boolean | undefined
  /**
   * The event ID to resume from, such as a snapshot's. Empty or null (the position that a server without `history` gives): new events only.
   *
   * @defaultValue ''
   */
  readonly lastEventId?: string | null | undefined
  /**
   * The request headers, or a function that returns them and is called for every attempt. With this option, even if it is empty, `fetch` reads
   * the stream.
   *
   * @defaultValue none; the browser's EventSource reads the stream where there is one
   */
  readonly headers?: RequestHeaders | undefined
  /**
   * `'POST'`: the stream is the answer to one request, which is never sent twice. If it is cut off, the client goes on by GET at the
   * `Content-Location` of the response, with the last event ID. Without that header, or without a response, the stream is closed as `lost`.
   *
   * @defaultValue 'GET'
   */
  readonly method?: 'GET' | 'POST' | undefined
  /** The body of a POST: text, a form, bytes; or any other object, which is sent as JSON. @defaultValue none */
  readonly body?: RequestBody | undefined
  /**
   * Checks the payload of an event. If it returns false or throws, the event is reported as an `UnreadableEvent` and not dispatched. The
   * plugin's own events (`sse.*`) are not checked.
   *
   * @defaultValue every payload is accepted
   */
  readonly validate?: ((event: string, payload: unknown) => boolean) | undefined
  /**
   * True: all tabs of this origin with this URL share one stream, read by `fetch`. Text: only tabs with this text share it. False: this stream
   * is not shared.
   *
   * @defaultValue false
   */
  readonly share?: boolean | string | undefined
  /**
   * The bounds of the random wait before an attempt. The upper bound is `base` after the first failure, doubles with every further failure,
   * and never exceeds `cap`.
   *
   * @defaultValue { base: 1000, cap: 30_000 }
   */
  readonly backoff?: { readonly base?: number | undefined, readonly cap?: number | undefined } | undefined
  /** The longest time that an attempt may stay without a response. `Infinity`: one day. @defaultValue 30_000 */
  readonly connectTimeout?: number | undefined
  /**
   * Receives an `UnreadableEvent` for each event that could not be read, and errors of listeners, `onGap`, `headers` and the transport.
   *
   * @defaultValue errors are reported as uncaught (`reportError`), or to `console.error` where that is missing, as in Node
   */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Receives every event as it arrived, before its data is parsed; meant for tools. An EventSource delivers only events with listeners. */
  readonly observe?: ((event: ParsedEvent) => void) | undefined
}

/** The URL of a stream, or a function that returns it, and is called for every attempt. */
export type StreamUrl = string | URL | (() => string | URL | Promise<string | URL>)

/** The options of a stream, validated and complete. */
export interface Settings {
  /** Empty if `given` is a function. */
  readonly url: string
  readonly given: StreamUrl
  readonly method: string
  readonly body: RequestBody | null
  readonly text: readonly string[]
  readonly withCredentials: boolean
  readonly lastEventId: string
  /** Null: the browser's own EventSource reads the stream, where there is one. */
  readonly headers: RequestHeaders | null
  readonly validate: (event: string, payload: unknown) => boolean
  readonly share: boolean | string
  readonly backoff: Backoff
  readonly connectTimeout: number
  readonly onError: (error: unknown) => void
  readonly observe: (event: ParsedEvent) => void
}

/** The options with their defaults. The type of a default is the type of its option. */
const DEFAULTS = {
  text: [] as readonly string[],
  withCredentials: false,
  lastEventId: '',
  headers: null as RequestHeaders | null,
  method: 'GET',
  body: null as RequestBody | null,
  validate: (_event: string, _payload: unknown): boolean => true,
  share: false as boolean | string,
  backoff: {} as object,
  connectTimeout: 30_000,
  onError: report,
  observe: (_event: ParsedEvent): void => {}
}

const BACKOFF: Backoff = { base: 1000, cap: 30_000 }

/** Validates the options and completes them. @throws TypeError when one is invalid; the message names the option, the rule and the value. */
export function readOptions (given: StreamUrl, options: Partial<ConnectOptions>): Settings {
  const { text, lastEventId, backoff, connectTimeout, ...others } = complete('', DEFAULTS, { ...options, lastEventId: options.lastEventId ?? undefined })
  const { method } = others
  demand(/^(GE|POS)T$/.test(method), 'method', 'GET or POST', method)
  const isAsked = typeof given === 'function'
  const target = isAsked ? { url: '' } : readUrl(given)
  return {
    ...others,
    // An EventSource and other tabs can neither post nor ask.
    ...(isAsked || method !== 'GET') && { headers: others.headers ?? {}, share: false },
    url: target.url,
    given,
    text: [...text],
    lastEventId: lastEventId || target.lastEventId || '',
    backoff: complete('backoff.', BACKOFF, backoff),
    // A longer timer would fire immediately.
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
    // Functions are objects, too. Null, NaN and negative numbers are never valid.
    const isValid = type === 'object'
      ? Object(value) === value || (name === 'body' && given === 'string')
      : (given === type || (name === 'share' && given === 'string')) && (type !== 'number' || value >= 0)
    demand(isValid, prefix + name, type === 'number' ? 'milliseconds' : `of type ${type}`, value)
    all[name] = value
  }
  return all as T
}

/** Parses the URL of a stream, and takes the last event ID out of its query. */
function readUrl (given: string | URL): { url: string, lastEventId?: string | null } {
  let url: URL | undefined
  try {
    url = new URL(given, globalThis.document?.baseURI ?? globalThis.location?.href)
  } catch {
    // The rule below rejects it.
  }
  demand(url !== undefined && url.username + url.password === '', 'url', 'an absolute URL without a user', given)
  const lastEventId = url.searchParams.get('lastEventId')
  if (lastEventId !== null) url.searchParams.delete('lastEventId')
  url.hash = ''
  return { url: url.href, lastEventId }
}

function demand (holds: boolean, option: string, rule: string, value: unknown): asserts holds {
  if (!holds) throw new TypeError(`connect: "${option}" must be ${rule}; it is ${value}`)
}

/** Reports an error as browsers report an uncaught one. Node has no `reportError`. */
export function report (error: unknown): void {
  (globalThis.reportError ?? console.error)(error)
}
