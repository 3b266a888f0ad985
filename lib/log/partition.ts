import { Buffer } from 'node:buffer'
import { EntryList } from './entry-list.ts'
import { sizeOf, type Entry } from './entry.ts'

const NO_BYTES = Buffer.alloc(0)

/** The kept or the ephemeral entries of the log, which have separate bounds. */
export class Partition {
  readonly entries = new EntryList()
  /** The total size of the entries, with the room reserved for their compressed forms. */
  bytes = 0

  append (entry: Entry): void {
    this.entries.append(entry)
    this.bytes += sizeOf(entry)
  }

  remove (entry: Entry): void {
    this.entries.remove(entry)
    this.bytes -= sizeOf(entry)
    // The list refers to removed entries until it is compacted, and must not keep their bytes alive.
    entry.bytes = NO_BYTES
    entry.deflated = null
  }

  /** Stores the compressed form of an entry if it is smaller than the entry. `sizeOf` has reserved the room for it. */
  holdDeflated (entry: Entry, deflated: Buffer): void {
    this.bytes -= sizeOf(entry)
    entry.deflated = deflated.length < entry.bytes.length ? deflated : null
    this.bytes += sizeOf(entry)
  }
}
