import type { Batch } from './batch-cache.ts'
import type { View } from './view.ts'
import type { Views } from './views.ts'
import type { Log } from '../log/log.ts'
import { haveLost, type Bounds } from '../log/losses.ts'
import type { GapReason } from '../wire/reasons.ts'

/** A channel that was joined by a subscriber that is behind, and the index from which on it hears it. */
interface Joining {
  readonly index: number
  /** Of that channel alone: what is placed there meanwhile is for it. */
  readonly view: View
}

const NONE: readonly Joining[] = []

/**
 * The place of one subscriber in the log: the index up to which it was served, and the channels that it hears from there on.
 */
export class Cursor {
  // What every delivery looks at stands first, and together: of ten thousand cursors none is in the processor's cache.
  #view: View
  #index: number
  readonly #log: Log
  /** Ephemeral entries before this index are not for it: it was not there, or was told that they are gone. */
  #ephemeralSince: number
  /** In order of their indexes; all of them after the cursor's. */
  #joining = NONE
  /** Of the event ID up to which it was served: a number costs less to write down than its text. */
  #offset: number
  readonly #views: Views
  /** The loss of kept entries before this index has been told. */
  #keptSince = 0
  /** What is placed from there on is not for it: it ends before. */
  #end: Bounds | undefined

  /** @param view Acquired from `views`; the cursor releases it. */
  constructor (log: Log, views: Views, view: View, index: number) {
    this.#view = view
    this.#index = index
    this.#log = log
    this.#views = views
    // Where there are none from here on, it shares its batches with those who are there already.
    this.#ephemeralSince = log.ephemeralHead > index ? log.head : index
    this.#offset = log.offsetBefore(index)
  }

  get index (): number { return this.#index }

  /** The event ID up to which it was served; null where the stream has no ids. */
  get lastEventId (): string | null { return this.#log.idAt(this.#offset) }

  get channels (): readonly string[] {
    return this.#joining.length === 0 ? this.#view.channels : [...this.#view.channels, ...this.#joining.flatMap(({ view }) => view.channels)]
  }

  /** Where the log ends: the place of what comes next. */
  get head (): number { return this.#log.head }

  /** Whether there is an entry that it hears and has not got. */
  get isBehind (): boolean { return this.#index < this.#view.head }

  /** How many of these there are. An entry of several channels counts once. */
  get lag (): number {
    let lag = this.#view.countFrom(this.#index, this.#ephemeralSince)
    const counted = [...this.#view.channels]
    for (const { index, view } of this.#joining) {
      lag += view.countFrom(index, this.#ephemeralSince, counted)
      counted.push(...view.channels)
    }
    return lag
  }

  /** Its view, where the lag is what that has from the index on: of two such cursors of one view the lower index lags further. */
  get plainView (): View | undefined {
    return this.#joining.length === 0 && this.#ephemeralSince <= this.#index ? this.#view : undefined
  }

  /** The most that `lag` can be: it costs nothing to know that of ten thousand. */
  get mostLag (): number {
    return this.#joining.reduce((sum, { index, view }) => sum + view.atMostFrom(index), this.#view.atMostFrom(this.#index))
  }

  /** Whether some of these are gone. */
  get isLost (): boolean {
    // Nobody lost anything there: so it is for whoever keeps up.
    if (this.#log.losses.newest < this.#index) return false
    return haveLost(this.#view.parts, Math.max(this.#index, this.#keptSince), Math.max(this.#index, this.#ephemeralSince), this.#end)
  }

  /** From now on it hears a channel too. */
  join (channel: string): void {
    this.#joining = [...this.#joining, { index: this.#log.head, view: this.#views.acquire([channel]) }]
    this.#takeUp()
  }

  /** From now on it hears nothing of a channel, entries that it has not got yet included. */
  leave (channel: string): void {
    const left = this.#joining.find(({ view }) => view.channels.includes(channel))
    if (left === undefined) {
      this.#show(this.#view.channels.filter((name) => name !== channel))
    } else {
      this.#joining = this.#joining.filter((joining) => joining !== left)
      this.#views.release(left.view)
    }
    this.#takeUp()
  }

  /**
   * Goes on, at most to an index after its own.
   *
   * @returns What it hears on the way, at most a batch; nothing where there is nothing.
   */
  advance (limit: number): Batch | undefined {
    const replay = this.#index < this.#ephemeralSince
    let end = Math.min(limit, this.#log.head)
    if (replay) end = Math.min(end, this.#ephemeralSince)
    if (this.#joining.length > 0) end = Math.min(end, this.#joining[0]!.index)
    const batch = this.#view.batch(this.#index, end, replay)
    this.#index = batch.next
    this.#offset = batch.offset
    if (this.#joining.length > 0) this.#takeUp()
    return batch.events === 0 ? undefined : batch
  }

  /**
   * Goes on to the next entries that it hears.
   *
   * @param limit The index to go to at most; the head, if that comes first.
   * @returns Undefined if there are none, or if some were lost on the way: the cursor may reach where it joined a channel.
   */
  next (limit: number): Batch | undefined {
    const end = Math.min(limit, this.#log.head)
    while (this.#index < end) {
      const batch = this.advance(end)
      if (batch !== undefined) return batch
      if (this.isLost) return undefined
    }
    return undefined
  }

  /** What is placed from now on is not for it: that it is lost is nothing to it. */
  end (): void {
    let { keptHead: kept, ephemeralHead: ephemeral } = this.#view
    for (const { index, view } of this.#joining) {
      if (view.keptHead > index) kept = Math.max(kept, view.keptHead)
      if (view.ephemeralHead > index) ephemeral = Math.max(ephemeral, view.ephemeralHead)
    }
    this.#end = { kept, ephemeral }
  }

  /**
   * Marks everything evicted so far as told. Entries of the other kind, kept or ephemeral, may be left before it.
   *
   * @param toHead Goes on with what comes; otherwise with everything that is left.
   */
  skip (toHead: boolean): void {
    if (toHead) this.#index = this.#log.head
    this.#keptSince = this.#log.losses.kept + 1
    this.#ephemeralSince = Math.max(this.#ephemeralSince, this.#log.losses.ephemeral + 1)
    this.#offset = this.#log.offsetBefore(this.#index)
    if (toHead) this.#takeUp()
  }

  /** What tells its reader, before it goes on, that entries it could hear are gone. */
  gap (reason: GapReason, lastEventId?: string): string {
    return this.#view.gap(this.#index, reason, lastEventId)
  }

  /** Lets go of what it holds. It keeps its place, but hears nothing any more. */
  release (): void {
    this.#views.release(this.#view)
    for (const { view } of this.#joining) this.#views.release(view)
  }

  /** Channels that it joined while it was behind, once it has got there. */
  #takeUp (): void {
    for (let next = this.#joining[0]; next !== undefined && (this.#index >= next.index || !this.isBehind); next = this.#joining[0]) {
      this.#joining = this.#joining.slice(1)
      this.#index = Math.max(this.#index, next.index)
      this.#show([...this.#view.channels, ...next.view.channels])
      this.#views.release(next.view)
    }
  }

  #show (channels: readonly string[]): void {
    const before = this.#view
    // The new one first: a channel that is in both is not let go in between.
    this.#view = this.#views.acquire(channels, before.coding.name)
    this.#views.release(before)
  }
}
