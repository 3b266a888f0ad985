import type { Http2ServerResponse, Http2Session } from 'node:http2'

// Manages the state that all event streams of one HTTP/2 session share.

interface Shared {
  /** The time-out that the session had before its first event stream, in milliseconds. */
  readonly timeout: number
  /** The open event streams of the session. */
  readonly streams: Set<Http2ServerResponse>
  /** True once the server closes: the session ends with its last event stream. */
  isLast: boolean
}

// A registered symbol, because event streams of several copies of this plugin may share one session.
const kShared: unique symbol = Symbol.for('fastify-typed-sse.shared')

interface SharedSession extends Http2Session {
  /** Missing in Node's types. */
  readonly timeout: number
  [kShared]?: Shared
}

function sharedOf (session: SharedSession): Shared {
  session[kShared] ??= { timeout: session.timeout, streams: new Set(), isLast: false }
  return session[kShared]
}

// The bytes that may wait on one event stream, however many wait on the others. Adding them all up for each small event would cost more
// than the event itself.
const SMALL_SHARE = 4096

/**
 * True if the session of a response may hold further bytes. All event streams of a session belong to one reader, so they share one limit.
 *
 * @param bytes The bytes that wait on this response.
 * @param maxBytes The bytes that may wait on all event streams of the session together.
 */
export function hasRoomOnSession (response: Http2ServerResponse, bytes: number, maxBytes: number): boolean {
  const { streams } = (response.stream.session as SharedSession | undefined)?.[kShared] ?? {}
  if (streams === undefined) return bytes <= maxBytes
  if (bytes <= Math.max(maxBytes / streams.size, Math.min(maxBytes, SMALL_SHARE))) return true
  let sum = bytes - response.writableLength
  for (const { writableLength } of streams) sum += writableLength
  return sum <= maxBytes
}

/** Turns off the time-out of a session while it has event streams, because a live stream may be silent for longer. */
export function liftSessionTimeout (response: Http2ServerResponse): void {
  const session = response.stream.session as SharedSession
  const shared = sharedOf(session)
  shared.streams.add(response)
  session.setTimeout(0)
  response.once('close', () => {
    shared.streams.delete(response)
    if (shared.streams.size > 0) return
    // An idle session that has no time-out would keep a closing server waiting forever.
    if (shared.isLast) session.close()
    else session.setTimeout(shared.timeout)
  })
}

/**
 * Ends a session after the last of its event streams, this response included. Not earlier, because readers treat a stream that ends after
 * the GOAWAY of its session as broken.
 */
export function closeSessionAfter (response: Http2ServerResponse): void {
  const session = response.stream.session as SharedSession | undefined
  if (session === undefined) return
  const shared = sharedOf(session)
  shared.isLast = true
  // This response is not an event stream.
  if (shared.streams.size === 0) response.once('close', () => session.close())
}
