import type { Batch } from './batch-cache.ts'
import type { Cursor } from './cursor.ts'
import type { View } from './view.ts'
import type { Views } from './views.ts'
import type { Log } from '../log/log.ts'
import { haveLost, type Bounds } from '../log/losses.ts'
import type { GapReason } from '../wire/reasons.ts'

/** A channel that a subscriber has joined while it was behind. It becomes part of the view when the cursor reaches the index of the call. */
interface Joining {
  /** The index from which the subscriber hears the channel. */
  readonly index: number
  /** A view of this channel alone. It keeps the channel present, so that no entry from `index` on is dropped for lack of subscribers. */
  readonly view: View
}

const NONE: readonly Joining[] = []

/**
 * The place of one subscriber in the log: the index up to which it was served, and the channels that it hears from there on.
 */
export class LogCursor implements Cursor {
  readonly hasEnd = false
  // The fields that every delivery reads come first, side by side: with ten thousand cursors each one is a cache miss.
  #view: View
  #index: number
  readonly #log: Log
  /** Ephemeral entries before this index are skipped: the subscriber was not connected, or their loss has already been reported. */
  #ephemeralSince: number
  /** In the order of their indexes, which are all after the cursor's. */
  #joining = NONE
  /** The offset of `lastEventId`. Stored instead of the text, because each delivery updates it and a number costs less. */
  #offset: number
  readonly #views: Views
  /** The loss of kept entries before this index has already been reported. */
  #keptSince = 0
  /** The indexes from which entries are not for this subscriber, because its stream ends before them; undefined: the stream does not end. */
  #end: Bounds | undefined

  /**
   * @param view A view that was acquired from `views`. The cursor releases it.
   * @param index The index of the first entry to serve.
   */
  constructor (log: Log, views: Views, view: View, index: number) {
    this.#view = view
    this.#index = index
    this.#log = log
    this.#views = views
    // A cursor with no ephemeral entry to skip is not a replay. It shares batches with subscribers that are connected already.
    this.#ephemeralSince = log.ephemeralHead > index ? log.head : index
    this.#offset = log.offsetBefore(index)
  }

  /** The index of the next entry to serve. */
  get index (): number { return this.#index }

  /** The event ID up to which the subscriber was served; null if the log has no ids. */
  get lastEventId (): string | null { return this.#log.idAt(this.#offset, this.#index) }

  /** The names of all channels that the subscriber hears. */
  get channels (): readonly string[] {
    return this.#joining.length === 0 ? this.#view.channels : [...this.#view.channels, ...this.#joining.flatMap(({ view }) => view.channels)]
  }

  /** The index that the next entry of the log will get. */
  get head (): number { return this.#log.head }

  /** True if the view may have entries that the subscriber has not received. */
  get isBehind (): boolean { return this.#index < this.#view.head }

  /** The number of entries that the subscriber hears and has not received. An entry of several channels counts once. */
  get lag (): number {
    let lag = this.#view.countFrom(this.#index, this.#ephemeralSince)
    const counted = [...this.#view.channels]
    for (const { index, view } of this.#joining) {
      lag += view.countFrom(index, this.#ephemeralSince, counted)
      counted.push(...view.channels)
    }
    return lag
  }

  /**
   * The view, if the lag depends on the view and the index alone; otherwise undefined. Among cursors with an equal `group` the lowest index
   * has the largest lag.
   */
  get group (): View | undefined {
    return this.#joining.length === 0 && this.#ephemeralSince <= this.#index ? this.#view : undefined
  }

  /** An upper bound of `lag`. It does not visit entries, so it is cheap even for ten thousand cursors. */
  get mostLag (): number {
    return this.#joining.reduce((sum, { index, view }) => sum + view.atMostFrom(index), this.#view.atMostFrom(this.#index))
  }

  /** True if the log has evicted entries that the subscriber has not received, and this loss has not been reported yet. */
  get isLost (): boolean {
    // The fast path for subscribers that keep up: the log has evicted no entry at or after the index.
    if (this.#log.losses.newest < this.#index) return false
    return haveLost(this.#view.parts, Math.max(this.#index, this.#keptSince), Math.max(this.#index, this.#ephemeralSince), this.#end)
  }

  /** The reason of the loss, if `isLost`. */
  get lossReason (): GapReason { return this.#log.breaks.reasonSince(Math.max(this.#index, this.#keptSince)) }

  /** Adds a channel. The subscriber hears its entries from the head of the log on. */
  join (channel: string): void {
    this.#joining = [...this.#joining, { index: this.#log.head, view: this.#views.acquire([channel]) }]
    this.#mergeJoined()
  }

  /** Removes a channel. The subscriber gets no more entries of it, not even earlier entries that it has not received. */
  leave (channel: string): void {
    const left = this.#joining.find(({ view }) => view.channels.includes(channel))
    if (left === undefined) {
      this.#setView(this.#view.channels.filter((name) => name !== channel))
    } else {
      this.#joining = this.#joining.filter((joining) => joining !== left)
      this.#views.release(left.view)
    }
    this.#mergeJoined()
  }

  /**
   * Advances over at most one batch.
   *
   * @param limit The highest index to advance to, which is after the cursor's; the head of the log, if that comes first.
   * @returns The entries on the way that the subscriber hears; undefined if there are none.
   */
  advance (limit: number): Batch | undefined {
    const replay = this.#index < this.#ephemeralSince
    let end = Math.min(limit, this.#log.head)
    if (replay) end = Math.min(end, this.#ephemeralSince)
    if (this.#joining.length > 0) end = Math.min(end, this.#joining[0]!.index)
    const batch = this.#view.batch(this.#index, end, replay)
    this.#index = batch.next
    this.#offset = batch.offset
    if (this.#joining.length > 0) this.#mergeJoined()
    return batch.events === 0 ? undefined : batch
  }

  /**
   * Advances to the next entries that the subscriber hears.
   *
   * @param limit The highest index to advance to; the head of the log, if that comes first.
   * @returns The entries; undefined if there are none up to the limit, or if the cursor has reached the index of a joined channel that has lost
   * entries (`isLost`).
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

  /** Ends the stream at the head of the log. The eviction of later entries is no loss to the subscriber. */
  end (): void {
    let { keptHead: kept, ephemeralHead: ephemeral } = this.#view
    for (const { index, view } of this.#joining) {
      if (view.keptHead > index) kept = Math.max(kept, view.keptHead)
      if (view.ephemeralHead > index) ephemeral = Math.max(ephemeral, view.ephemeralHead)
    }
    this.#end = { kept, ephemeral }
  }

  drained (): void {}

  /**
   * Marks everything evicted so far as reported. Surviving entries of the other kind, kept or ephemeral, may have lower indexes.
   *
   * @param toHead True: the cursor continues at the head of the log. False: it continues with all surviving entries.
   */
  skip (toHead: boolean): void {
    // Nothing before the present history survives.
    this.#index = toHead ? this.#log.head : Math.max(this.#index, this.#log.breaks.resetAt + 1)
    this.#keptSince = this.#log.losses.kept + 1
    this.#ephemeralSince = Math.max(this.#ephemeralSince, this.#log.losses.ephemeral + 1)
    this.#offset = this.#log.offsetBefore(this.#index)
    this.#mergeJoined()
  }

  /** Encodes `sse.gap` for the place of the cursor. See `View.gap`. */
  gap (reason: GapReason, lastEventId?: string): string {
    return this.#view.gap(this.#index, reason, lastEventId)
  }

  /** Releases the views. The cursor keeps its index, but must not advance any more. */
  release (): void {
    this.#views.release(this.#view)
    for (const { view } of this.#joining) this.#views.release(view)
  }

  /** Merges joined channels into the view. A channel is due if the cursor has reached its index, or has nothing to serve before it. */
  #mergeJoined (): void {
    for (let next = this.#joining[0]; next !== undefined && (this.#index >= next.index || !this.isBehind); next = this.#joining[0]) {
      this.#joining = this.#joining.slice(1)
      this.#index = Math.max(this.#index, next.index)
      this.#setView([...this.#view.channels, ...next.view.channels])
      this.#views.release(next.view)
    }
  }

  #setView (channels: readonly string[]): void {
    const before = this.#view
    // Acquired before the old view is released, so that a channel of both views stays present.
    this.#view = this.#views.acquire(channels, before.coding.name)
    this.#views.release(before)
  }
}
