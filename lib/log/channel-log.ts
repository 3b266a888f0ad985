import { EntryList } from './entry-list.ts'
import { Losses } from './losses.ts'
import type { Entry } from './entry.ts'

/** The entries of one channel. Kept and ephemeral entries have separate lists, so a replay does not have to skip ephemeral entries. */
export class ChannelLog {
  readonly name: string
  readonly kept = new EntryList()
  readonly ephemeral = new EntryList()
  /** The number of views that show this channel. Only `ChannelIndex` changes it. */
  views = 0
  /** The index after the newest kept entry, whether that entry is still present or not; 0: there was none. */
  keptHead = 0
  /** The index after the newest ephemeral entry, whether that entry is still present or not; 0: there was none. */
  ephemeralHead = 0
  readonly losses: Losses
  /** The newest entry of each key. */
  readonly #latest = new Map<string, Entry>()

  /** @param lostOffset Entries up to this offset may have been evicted before the channel became present. */
  constructor (name: string, lostOffset: number) {
    this.name = name
    this.losses = new Losses(lostOffset)
  }

  /** True if no view shows the channel and no reader could resume in it. */
  get isIdle (): boolean { return this.views === 0 && this.kept.size === 0 }

  /**
   * Appends an entry, and removes the present entry of its key.
   *
   * @returns The removed entry; undefined if the new entry replaces none.
   */
  append (entry: Entry): Entry | undefined {
    const replaced = entry.key === undefined ? undefined : this.#latest.get(entry.key)
    if (replaced !== undefined) this.#listOf(replaced).remove(replaced)
    if (entry.key !== undefined) this.#latest.set(entry.key, entry)
    this.#listOf(entry).append(entry)
    if (entry.position === null) this.ephemeralHead = entry.index + 1
    else this.keptHead = entry.index + 1
    return replaced
  }

  /** Removes an entry that the log has evicted, and records the loss. Does nothing if a later entry has replaced it. */
  evict (entry: Entry): void {
    if (!this.#listOf(entry).remove(entry)) return
    if (entry.key !== undefined) this.#latest.delete(entry.key)
    this.losses.record(entry)
  }

  /**
   * Records the loss of unknown entries of both kinds.
   *
   * @param index The index that stands for them.
   * @param offset The offset of the newest kept entry that may be lost.
   */
  lose (index: number, offset: number): void {
    this.losses.lose(index, offset)
    this.keptHead = index + 1
  }

  /** Records the loss of unknown ephemeral entries. @param index The index that stands for them. */
  loseEphemeral (index: number): void {
    this.losses.ephemeral = index
    this.ephemeralHead = index + 1
  }

  #listOf ({ position }: Entry): EntryList {
    return position === null ? this.ephemeral : this.kept
  }
}
