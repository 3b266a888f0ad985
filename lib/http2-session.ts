import type { Http2ServerResponse, Http2Session } from 'node:http2'

// What becomes of a session of HTTP/2 is said once for all event streams on it.

interface Shared {
  readonly timeout: number
  streams: number
  /** The server closes: it is to end with the last of them. */
  isLast: boolean
}

// Kept with the session: event streams of several plugins may share one.
const kShared = Symbol('fastify-typed-sse.shared')

interface SharedSession extends Http2Session {
  /** Node has it, its types do not. */
  readonly timeout: number
  [kShared]?: Shared
}

function sharedOf (session: SharedSession): Shared {
  session[kShared] ??= { timeout: session.timeout, streams: 0, isLast: false }
  return session[kShared]
}

/** The event streams that are open on the session of a response, this one included. */
export function streamsBeside (response: Http2ServerResponse): number {
  const session = response.stream.session as SharedSession | undefined
  return Math.max(1, session?.[kShared]?.streams ?? 1)
}

/** A live stream may be silent for longer than any time-out of the session allows. */
export function liftSessionTimeout (response: Http2ServerResponse): void {
  const session = response.stream.session as SharedSession
  const shared = sharedOf(session)
  shared.streams++
  session.setTimeout(0)
  response.once('close', () => {
    if (--shared.streams > 0) return
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
  if (shared.streams === 0) response.once('close', () => session.close())
}
