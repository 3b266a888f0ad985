import { encodeComment, encodeEvent, encodeId, encodeRetry } from './encode.ts'
import { encodeClose, encodeError, encodeHeartbeat, encodeOpen, encodeOpening, type Opening } from './plugin-events.ts'
import type { CloseReason } from './reasons.ts'

/** The form of an event stream: everything that the plugin adds to the events of the application, as text. A text may be empty. */
export interface StreamForm {
  /**
   * True: the stream has no events of the plugin, for readers that take every event for one of the application. What it cannot say, it shows by
   * ending without an end of its response.
   */
  readonly isPlain: boolean
  /** True if pages see heartbeats. */
  readonly showsHeartbeats: boolean
  readonly heartbeat: string
  /** The report of a source that failed. */
  readonly error: string
  /**
   * Encodes the first bytes of a stream.
   *
   * @param reconnectionTime Milliseconds.
   * @param id The event ID of the starting position; null for no `id` line.
   */
  open (reconnectionTime: number, id: string | null): string
  /**
   * Encodes the last bytes of a stream. A plain stream has them only if it is complete.
   *
   * @param final True: the reader is told to stay away.
   * @param run The end of the run whose items the stream gives; absent: it is no stream of a run, or ends before it.
   */
  close (reason: CloseReason, final: boolean, run?: RunEnding): string
}

/** The end of a run, as its readers learn of it. */
export interface RunEnding {
  readonly status: string
  /** The event ID after the one of the last item: a reader that sends it has everything. */
  readonly id: string
}

/** The form with the events of the plugin, `sse.*`. */
export function eventForm (opening: Opening): StreamForm {
  const encoded = encodeOpening(opening)
  return {
    isPlain: false,
    showsHeartbeats: opening.heartbeatEvent,
    heartbeat: encodeHeartbeat(opening.heartbeatEvent),
    error: encodeError(),
    open: (reconnectionTime, id) => encodeOpen(reconnectionTime, encoded, id),
    close: (reason, final, run) => final ? encodeClose(reason, run?.status) : ''
  }
}

/**
 * The form without events of the plugin.
 *
 * @param end The data of the last, unnamed event of a stream that the application has ended; undefined: there is none.
 */
export function plainForm (end: string | undefined): StreamForm {
  const last = end === undefined ? '' : encodeEvent('message', end)
  return {
    isPlain: true,
    showsHeartbeats: false,
    heartbeat: encodeHeartbeat(false),
    error: '',
    // The field belongs to the first event that follows: two popular readers report a block with nothing else as an empty message.
    open: (reconnectionTime) => encodeComment('') + encodeRetry(reconnectionTime),
    // The id keeps a reader that reconnects from getting the event again and again.
    close: (_reason, _final, run) => run !== undefined && last !== '' ? encodeId(run.id) + last : last
  }
}

/** The form of a stream without events of the plugin, and without a last event. */
export const PLAIN = plainForm(undefined)
