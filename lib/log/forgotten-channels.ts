// 2,560 shelves of 64 places, 12 bytes each, and 8 bytes a shelf: 1.9 MiB for 163,840 channels.
const SHELVES = 2560
const PLACES = 64

/**
 * The newest evicted offsets of channels that nobody remembers, in a fixed amount of memory.
 *
 * Each name belongs to one shelf. A full shelf drops its oldest offset, and from then on vouches only for what is newer: a name that
 * is not found there may have been dropped. So an offset may be too high, which is a false gap, and is never too low: no gap is missed.
 */
export class ForgottenChannels {
  readonly #origin: number
  // Only once something is forgotten: most applications have no channels.
  #table: Table | undefined

  /** @param origin The offset before which nobody knows what there was. */
  constructor (origin: number) {
    this.#origin = origin
  }

  add (name: string, offset: number): void {
    // Nothing of it was evicted.
    if (offset === this.#origin) return
    this.#table ??= createTable(this.#origin)
    const { marks, offsets, dropped } = this.#table
    const { shelf, mark } = placeOf(name)
    const first = shelf * PLACES
    let oldest = first
    for (let place = first; place < first + PLACES; place++) {
      // Places are taken in order, and a free one holds no mark.
      if (marks[place] === mark || marks[place] === 0) {
        marks[place] = mark
        offsets[place] = Math.max(offsets[place]!, offset)
        return
      }
      if (offsets[place]! < offsets[oldest]!) oldest = place
    }
    dropped[shelf] = Math.max(dropped[shelf]!, Math.min(offset, offsets[oldest]!))
    if (offset <= offsets[oldest]!) return
    marks[oldest] = mark
    offsets[oldest] = offset
  }

  lostOffset (name: string): number {
    if (this.#table === undefined) return this.#origin
    const { marks, offsets, dropped } = this.#table
    const { shelf, mark } = placeOf(name)
    const place = marks.subarray(shelf * PLACES, (shelf + 1) * PLACES).indexOf(mark)
    return place === -1 ? dropped[shelf]! : offsets[shelf * PLACES + place]!
  }
}

interface Table {
  /** What tells the names of a shelf apart; 0: the place is free. */
  readonly marks: Uint32Array
  readonly offsets: Float64Array
  /** The newest offset that each shelf dropped. */
  readonly dropped: Float64Array
}

function createTable (origin: number): Table {
  return {
    marks: new Uint32Array(SHELVES * PLACES),
    offsets: new Float64Array(SHELVES * PLACES).fill(origin),
    dropped: new Float64Array(SHELVES).fill(origin)
  }
}

/** Two hashes in the manner of FNV-1a over UTF-16 units. Names that differ in a few characters are spread well, which is all that is asked of them. */
function placeOf (name: string): { shelf: number, mark: number } {
  let shelf = 0x811c9dc5
  let mark = 0x9e3779b9
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    shelf = Math.imul(shelf ^ unit, 0x01000193)
    mark = Math.imul(mark ^ unit, 0x85ebca6b)
    mark ^= mark >>> 15
  }
  return { shelf: ((shelf ^ shelf >>> 16) >>> 0) % SHELVES, mark: mark >>> 0 || 1 }
}
