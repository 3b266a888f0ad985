import type { ParsedEvent } from '../wire/event-stream-parser.ts'

/**
 * The error for an event that was not dispatched: its data is not JSON, or `validate` rejected its payload. `cause` is the exception of
 * `JSON.parse` or of `validate`; undefined if `validate` returned false.
 *
 * @see docs/client.md
 */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent'
  /** The event type. */
  declare readonly event: string
  /** The last event ID after this event; empty if there is none. */
  declare readonly id: string
  /** The data as it arrived. */
  declare readonly data: string

  /** @internal */
  constructor ({ type, data, lastEventId }: ParsedEvent, problem: string, options?: ErrorOptions) {
    super(`Event "${type}" ${problem}`, options)
    this.event = type
    this.id = lastEventId
    this.data = data
  }
}
