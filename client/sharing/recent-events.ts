import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import type { Welcome } from './tab-group.ts'

const MAX_EVENTS = 500
const MAX_CHARACTERS = 1_000_000

/** The newest events of a stream, for tabs that join later or have fallen behind. */
export class RecentEvents {
  #events: ParsedEvent[] = []
  #characters = 0
  /** The last event ID before the oldest event here. */
  #start: string

  constructor (start: string) {
    this.#start = start
  }

  get lastEventId (): string { return this.#events.at(-1)?.lastEventId ?? this.#start }

  add (event: ParsedEvent): void {
    this.#events.push(event)
    this.#characters += event.data.length
    while (this.#events.length > MAX_EVENTS || (this.#characters > MAX_CHARACTERS && this.#events.length > 1)) {
      const { data, lastEventId } = this.#events.shift()!
      this.#characters -= data.length
      this.#start = lastEventId
    }
  }

  /** Returns the events after an ID; undefined if the ID is unknown here. */
  after (lastEventId: string): ParsedEvent[] | undefined {
    // Events without an ID of their own repeat the ID before them. All events with this ID are skipped, so that none arrives twice.
    const at = this.#events.findLastIndex((event) => event.lastEventId === lastEventId)
    if (at !== -1) return this.#events.slice(at + 1)
    return lastEventId === this.#start ? [...this.#events] : undefined
  }

  /** Returns the events of the leader that this tab lacks; undefined if the leader cannot know them. */
  lacks ({ since, missed }: Welcome): readonly ParsedEvent[] | undefined {
    if (missed === undefined) return undefined
    // A tab that reads by itself may have received more since its `hello`.
    const at = missed.findLastIndex((event) => event.lastEventId === this.lastEventId)
    return at !== -1 || since === this.lastEventId ? missed.slice(at + 1) : undefined
  }

  /** Tells whether this tab is ahead of its leader. A leader without an ID began with new events: it never reads those that this tab lacks. */
  isAheadOf ({ lastEventId }: Welcome): boolean {
    return lastEventId !== '' && (this.after(lastEventId) ?? []).length > 0
  }
}
