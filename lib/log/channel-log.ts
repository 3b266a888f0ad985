import { EntryList } from './entry-list.ts'
import { Losses } from './losses.ts'
import type { Entry } from './entry.ts'

/** The entries of one channel, kept and ephemeral ones apart: a replay passes by the ephemeral ones, however many there are. */
export class ChannelLog {
  readonly name: string
  readonly kept = new EntryList()
  readonly ephemeral = new EntryList()
  /** Views that show this channel. The channel index counts them. */
  views = 0
  /** The index after the newest kept entry that it ever had. */
  keptHead = 0
  /** The index after the newest ephemeral entry that it ever had. */
  ephemeralHead = 0
  readonly losses: Losses
  /** The entry that each key stands for. */
  readonly #latest = new Map<string, Entry>()

  /** @param lostOffset Entries up to this offset may be gone already. */
  constructor (name: string, lostOffset: number) {
    this.name = name
    this.losses = new Losses(lostOffset)
  }

  /** Nobody hears it, and nobody could resume in it. */
  get isIdle (): boolean { return this.views === 0 && this.kept.size === 0 }

  /** @returns The entry that this one replaces here. */
  append (entry: Entry): Entry | undefined {
    const replaced = entry.key === undefined ? undefined : this.#latest.get(entry.key)
    if (replaced !== undefined) this.#listOf(replaced).remove(replaced)
    if (entry.key !== undefined) this.#latest.set(entry.key, entry)
    this.#listOf(entry).append(entry)
    if (entry.position === null) this.ephemeralHead = entry.index + 1
    else this.keptHead = entry.index + 1
    return replaced
  }

  evict (entry: Entry): void {
    if (!this.#listOf(entry).remove(entry)) return
    if (entry.key !== undefined) this.#latest.delete(entry.key)
    this.losses.record(entry)
  }

  #listOf ({ position }: Entry): EntryList {
    return position === null ? this.ephemeral : this.kept
  }
}
