import type { EventRecord, OrderListener, Placed } from '../broker/broker.ts'
import { isAfter, type Position } from '../broker/position.ts'
import type { ChannelIndex } from './channel-index.ts'
import { idLineBytes } from './log-bounds.ts'
import { isWithin } from '../wire/text-size.ts'
import type { Log } from './log.ts'

interface ReplicaParts {
  readonly log: Log
  readonly channels: ChannelIndex
  /** Called when an entry was appended to these channels. */
  wake (channels: readonly string[]): void
  /** Called when every subscriber has something to get. */
  wakeAll (): void
  /** Waits until healthy subscribers have everything in the log; undefined if they have. */
  served (): Promise<void> | undefined
}

/** Waits for a position. */
interface Waiting {
  readonly position: Position
  reached (): void
}

/** The log as the replica of an order that a broker keeps. */
export class Replica implements OrderListener {
  readonly #parts: ReplicaParts
  readonly #waiting = new Set<Waiting>()

  constructor (parts: ReplicaParts) {
    this.#parts = parts
  }

  place (batch: readonly Placed[]): Promise<void> | undefined {
    const { channels, wake, served } = this.#parts
    for (const { position, record } of batch) {
      if (!this.#fits(record)) {
        this.lose(position)
        continue
      }
      channels.append(position, record)
      wake(record.channels)
    }
    this.#tellReached()
    return served()
  }

  lose (upTo: Position | null): void {
    this.#parts.channels.lose(upTo)
    this.#parts.wakeAll()
    this.#tellReached()
  }

  reset (origin: Position): void {
    this.#parts.channels.reset(origin)
    this.#parts.wakeAll()
    this.#tellReached()
  }

  get oldest (): Position { return this.#parts.log.oldestPosition }

  /** True if the log has not got to a position yet, perhaps because another node has got further. */
  isBehind (position: Position): boolean {
    return isAfter(position, this.#parts.log.newest)
  }

  /**
   * Waits until the log has got to a position.
   *
   * @param signal Ends the wait.
   */
  reach (position: Position, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (!this.isBehind(position) || signal.aborted) return resolve()
      const waiting = { position, reached: resolve }
      this.#waiting.add(waiting)
      signal.addEventListener('abort', () => {
        this.#waiting.delete(waiting)
        resolve()
      })
    })
  }

  /** False if a record alone exceeds the log, because the node that broadcast it has another `history`. */
  #fits ({ body, id }: EventRecord): boolean {
    const { maxBytes } = this.#parts.log
    return isWithin(body, maxBytes - idLineBytes(id))
  }

  #tellReached (): void {
    for (const waiting of this.#waiting) {
      if (this.isBehind(waiting.position)) continue
      this.#waiting.delete(waiting)
      waiting.reached()
    }
  }
}
