import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import type { Welcome } from './tab-group.ts'

const MOST = 500
const MOST_CHARACTERS = 1_000_000

/** The newest events of a stream, for those that come after or fell behind. */
export class RecentEvents {
  #events: ParsedEvent[] = []
  #characters = 0
  /** The ID before the oldest of them. */
  #start: string

  constructor (start: string) {
    this.#start = start
  }

  get lastEventId (): string { return this.#events.at(-1)?.lastEventId ?? this.#start }

  add (event: ParsedEvent): void {
    this.#events.push(event)
    this.#characters += event.data.length
    while (this.#events.length > MOST || (this.#characters > MOST_CHARACTERS && this.#events.length > 1)) {
      const { data, lastEventId } = this.#events.shift()!
      this.#characters -= data.length
      this.#start = lastEventId
    }
  }

  /** All that came after an ID; undefined where nobody here knows it. */
  after (lastEventId: string): ParsedEvent[] | undefined {
    // Events without an ID of their own carry that of the one before: whoever knows the ID has seen the first of these at least.
    const at = this.#events.findLastIndex((event) => event.lastEventId === lastEventId)
    if (at !== -1) return this.#events.slice(at + 1)
    return lastEventId === this.#start ? [...this.#events] : undefined
  }

  /** What a tab lacks, of which these are the events; undefined where its leader cannot know. */
  lacks ({ since, missed }: Welcome): readonly ParsedEvent[] | undefined {
    if (missed === undefined) return undefined
    // A tab that reads for itself may have come further since it asked.
    const at = missed.findLastIndex((event) => event.lastEventId === this.lastEventId)
    return at !== -1 || since === this.lastEventId ? missed.slice(at + 1) : undefined
  }

  /** Whether a leader is where this tab has been. One that has seen nothing yet will not see what this tab has not. */
  isAheadOf ({ lastEventId }: Welcome): boolean {
    return lastEventId !== '' && (this.after(lastEventId) ?? []).length > 0
  }
}
