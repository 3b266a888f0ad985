// 2,560 buckets of 64 slots, 12 bytes per slot and 8 bytes per bucket: 1.9 MiB for 163,840 channels.
const BUCKETS = 2560
const SLOTS = 64

/**
 * The newest evicted offsets of channels that are not present any more, in a fixed amount of memory.
 *
 * The hash of a name selects a bucket. A full bucket drops its lowest offset. From then on a name that has no slot in the bucket may be a
 * dropped one, so it gets the highest offset that the bucket has dropped. An offset may therefore be too high, which causes a false gap, but
 * is never too low, so no gap is missed.
 */
export class ForgottenChannels {
  readonly #origin: number
  // Allocated when the first channel is forgotten, because most applications have no channels.
  #table: Table | undefined

  /** @param origin The offset of the log's origin. This process knows no earlier events. */
  constructor (origin: number) {
    this.#origin = origin
  }

  /** Remembers a channel. @param offset The offset of its newest evicted entry, or a higher one. */
  add (name: string, offset: number): void {
    // No entry of the channel was evicted.
    if (offset === this.#origin) return
    this.#table ??= createTable(this.#origin)
    const { tags, offsets, dropped } = this.#table
    const { bucket, tag } = hash(name)
    const first = bucket * SLOTS
    let lowest = first
    for (let slot = first; slot < first + SLOTS; slot++) {
      // Slots are filled in order, and never become free again.
      if (tags[slot] === tag || tags[slot] === 0) {
        tags[slot] = tag
        offsets[slot] = Math.max(offsets[slot]!, offset)
        return
      }
      if (offsets[slot]! < offsets[lowest]!) lowest = slot
    }
    dropped[bucket] = Math.max(dropped[bucket]!, Math.min(offset, offsets[lowest]!))
    if (offset <= offsets[lowest]!) return
    tags[lowest] = tag
    offsets[lowest] = offset
  }

  /** Returns the offset of the newest evicted entry of a channel, or a higher one. */
  lostOffset (name: string): number {
    if (this.#table === undefined) return this.#origin
    const { tags, offsets, dropped } = this.#table
    const { bucket, tag } = hash(name)
    const slot = tags.subarray(bucket * SLOTS, (bucket + 1) * SLOTS).indexOf(tag)
    return slot === -1 ? dropped[bucket]! : offsets[bucket * SLOTS + slot]!
  }
}

interface Table {
  /** By slot: the second hash of the name, which identifies it within the bucket; 0: the slot is free. */
  readonly tags: Uint32Array
  /** By slot: the newest evicted offset. */
  readonly offsets: Float64Array
  /** By bucket: the highest offset that the bucket has dropped. */
  readonly dropped: Float64Array
}

function createTable (origin: number): Table {
  return {
    tags: new Uint32Array(BUCKETS * SLOTS),
    offsets: new Float64Array(BUCKETS * SLOTS),
    dropped: new Float64Array(BUCKETS).fill(origin)
  }
}

/**
 * Computes two hashes of a name, variants of FNV-1a over its UTF-16 code units. They only have to spread names that differ in a few
 * characters.
 */
function hash (name: string): { bucket: number, tag: number } {
  let bucket = 0x811c9dc5
  let tag = 0x9e3779b9
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    bucket = Math.imul(bucket ^ unit, 0x01000193)
    tag = Math.imul(tag ^ unit, 0x85ebca6b)
    tag ^= tag >>> 15
  }
  // The tag 0 marks a free slot.
  return { bucket: ((bucket ^ bucket >>> 16) >>> 0) % BUCKETS, tag: tag >>> 0 || 1 }
}
