import type { Http2ServerResponse, Http2Session } from 'node:http2'

// What becomes of a session of HTTP/2 is said once for all event streams on it.

interface Shared {
  readonly timeout: number
  /** The event streams that are open on it. */
  readonly streams: Set<Http2ServerResponse>
  /** The server closes: it is to end with the last of them. */
  isLast: boolean
}

// Kept with the session, under a name that every copy of this plugin knows: event streams of several may share one session.
const kShared: unique symbol = Symbol.for('fastify-typed-sse.shared')

interface SharedSession extends Http2Session {
  /** Node has it, its types do not. */
  readonly timeout: number
  [kShared]?: Shared
}

function sharedOf (session: SharedSession): Shared {
  session[kShared] ??= { timeout: session.timeout, streams: new Set(), isLast: false }
  return session[kShared]
}

// What each event stream of a session may keep, whatever the others do: a look at all of them for each small event would cost more than it.
const SMALL_SHARE = 4096

/**
 * Whether a reader may keep more: the event streams of one session are one reader's.
 *
 * @param bytes What waits on this response.
 * @param maxBytes What may wait on all of them together.
 */
export function hasRoomOnSession (response: Http2ServerResponse, bytes: number, maxBytes: number): boolean {
  const { streams } = (response.stream.session as SharedSession | undefined)?.[kShared] ?? {}
  if (streams === undefined) return bytes <= maxBytes
  if (bytes <= Math.max(maxBytes / streams.size, Math.min(maxBytes, SMALL_SHARE))) return true
  let sum = bytes - response.writableLength
  for (const { writableLength } of streams) sum += writableLength
  return sum <= maxBytes
}

/** A live stream may be silent for longer than any time-out of the session allows. */
export function liftSessionTimeout (response: Http2ServerResponse): void {
  const session = response.stream.session as SharedSession
  const shared = sharedOf(session)
  shared.streams.add(response)
  session.setTimeout(0)
  response.once('close', () => {
    shared.streams.delete(response)
    if (shared.streams.size > 0) return
    // An idle session without a time-out would keep a closing server waiting for its reader, for ever.
    if (shared.isLast) session.close()
    else session.setTimeout(shared.timeout)
  })
}

/**
 * Ends a session with the last of its event streams, this response included. Not before: readers take a stream for broken that ends after
 * the session has said that it goes away.
 */
export function closeSessionAfter (response: Http2ServerResponse): void {
  const session = response.stream.session as SharedSession | undefined
  if (session === undefined) return
  const shared = sharedOf(session)
  shared.isLast = true
  // An answer that is no event stream.
  if (shared.streams.size === 0) response.once('close', () => session.close())
}
