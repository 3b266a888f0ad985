// 128 KiB. Each channel that was forgotten since a reader left gives that reader, where its channel was forgotten too, one
// chance in so many to be told of a gap that was none.
const PLACES = 16_384

/**
 * The newest evicted offsets of channels that nobody remembers, in a fixed amount of memory.
 *
 * Channels may share a place, so an offset may be another channel's. It is never lower than the right one: a gap is never missed.
 */
export class Forgotten {
  readonly #origin: number
  // Only once something is forgotten: most applications have no channels.
  #offsets: Float64Array | undefined

  /** @param origin The offset before which nobody knows what there was. */
  constructor (origin: number) {
    this.#origin = origin
  }

  add (name: string, offset: number): void {
    // Nothing of it was evicted.
    if (offset === this.#origin) return
    this.#offsets ??= new Float64Array(PLACES).fill(this.#origin)
    const place = placeOf(name)
    this.#offsets[place] = Math.max(this.#offsets[place]!, offset)
  }

  evictedOffset (name: string): number {
    return this.#offsets?.[placeOf(name)] ?? this.#origin
  }
}

/** FNV-1a over UTF-16 units: well spread for names that differ in a few characters, which is all it has to be. */
function placeOf (name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return (hash ^ hash >>> 16) & (PLACES - 1)
}
