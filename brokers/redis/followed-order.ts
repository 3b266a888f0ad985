import { isAfter, type Position } from '../../lib/broker/position.ts'
import type { StoredEntry } from '../engine/engine.ts'
import { ephemeralNumber, formatId, parseEphemeral, parseKept, type StreamEntry } from './entries.ts'

/** The place of this process in the two streams of an order, of kept and of ephemeral entries, which it joins to one sequence. */
export class FollowedOrder {
  readonly name: string
  #kept: Position
  /** The id of the last ephemeral entry. Entries from before the process followed the order are not for it. */
  ephemeral: string
  /** True if ephemeral entries were lost that the next one cannot show by its number. */
  #hasLostEphemeral = false
  /** True if the last read held ephemeral entries back. */
  #hasHeld = false

  /** @param ephemeral The id of the newest ephemeral entry. */
  constructor (name: string, after: Position, ephemeral: string) {
    this.name = name
    this.#kept = after
    this.ephemeral = ephemeral
  }

  /** The id of the last kept entry. */
  get kept (): string { return formatId(this.#kept) }

  /**
   * Goes on from a position. No entry may have arrived since Redis was asked for the newest ones.
   *
   * @param newest The id of the newest ephemeral entry in Redis, which may have gone back, or have lost that key alone.
   * @param epoch The epoch in Redis.
   */
  continueAfter (position: Position, newest: string, epoch: string): void {
    this.#kept = position
    // A new epoch restarts the numbers, and is reported by itself.
    if (epoch !== position.epoch || ephemeralNumber(newest) >= ephemeralNumber(this.ephemeral)) return
    this.ephemeral = newest
    this.#hasLostEphemeral = true
  }

  /**
   * Joins what one read has returned.
   *
   * @param limit The number of entries at which each list is cut.
   */
  join (kept: readonly StreamEntry[], ephemeral: readonly StreamEntry[], limit: number): StoredEntry[] {
    const entries = kept.map(parseKept)
    const begun = entries.findIndex(({ position }) => position.epoch !== this.#kept.epoch)
    if (begun !== -1) {
      // The ids of ephemeral entries begin from the lowest with each epoch, so this read has not got all of them. The rest comes with the next one.
      this.#kept = entries[begun]!.position
      this.ephemeral = '0-0'
      return entries.slice(0, begun + 1)
    }
    const last = entries.at(-1)?.position ?? this.#kept
    const joined: StoredEntry[] = []
    let next = 0
    const takeKept = (upTo: Position): void => {
      for (; next < entries.length && !isAfter(entries[next]!.position, upTo); next++) {
        joined.push(entries[next]!)
        this.#kept = entries[next]!.position
      }
    }
    // The kept entry before an ephemeral one comes with the next read, unless it was deleted.
    const mayHold = kept.length > 0 || !this.#hasHeld
    this.#hasHeld = false
    let end = last
    for (const streamEntry of ephemeral) {
      const [id] = streamEntry
      const entry = parseEphemeral(streamEntry)
      takeKept(entry.position)
      if (mayHold && isAfter(entry.position, this.#kept)) {
        this.#hasHeld = true
        break
      }
      const isNext = ephemeralNumber(id) === ephemeralNumber(this.ephemeral) + 1 && !this.#hasLostEphemeral
      joined.push(isNext ? entry : { ...entry, isAfterLoss: true })
      this.#hasLostEphemeral = false
      this.ephemeral = id
      // After a list that was cut, more ephemeral entries may come before the next kept one.
      if (ephemeral.length === limit) end = entry.position
    }
    takeKept(end)
    return joined
  }
}
