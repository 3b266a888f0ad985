const MAX_EVENTS = 10_000
const MAX_CHARACTERS = 64 * 1024 * 1024
// A stream may invent a type for each of its events.
export const MAX_TYPES = 1000
// Cutting an array at its front moves all of it: it is done for this many events at once.
const SLACK = 500

/**
 * @typedef {object} Entry
 * @property {number} seq 1 for the first event since the page was loaded, and so on.
 * @property {number} at When it arrived, in milliseconds since 1970.
 * @property {string} type
 * @property {string} id The last event ID after it.
 * @property {boolean} hasNewId It is not that of the event before: an event without an ID of its own leaves it as it was.
 * @property {string} data
 * @property {number | null} delay Milliseconds from the time its payload carries to its arrival.
 */

/** The newest events, bounded by number and by size. It holds what arrives while the page is hidden or paused, too. */
export class EventLog {
  /** @type {Entry[]} In the order of their arrival. */
  entries = []
  total = 0
  gaps = 0
  /** @type {Map<string, number>} How many of each type there were; of the first thousand types. */
  types = new Map()
  #seq = 0
  #characters = 0
  #lastId = ''

  get lastSeq () { return this.#seq }

  /** @param {Omit<Entry, 'seq' | 'hasNewId'>} event */
  add (event) {
    const entry = { seq: ++this.#seq, hasNewId: event.id !== this.#lastId, ...event }
    this.#lastId = event.id
    this.total++
    if (entry.type === 'sse.gap') this.gaps++
    if (this.types.size < MAX_TYPES || this.types.has(entry.type)) this.types.set(entry.type, (this.types.get(entry.type) ?? 0) + 1)
    this.entries.push(entry)
    this.#characters += entry.data.length
    if (this.entries.length > MAX_EVENTS + SLACK || this.#characters > MAX_CHARACTERS) this.#forgetOldest()
    return entry
  }

  clear () {
    this.entries = []
    this.total = 0
    this.gaps = 0
    this.types.clear()
    this.#characters = 0
  }

  #forgetOldest () {
    let gone = Math.max(0, this.entries.length - MAX_EVENTS)
    for (let i = 0; i < gone; i++) this.#characters -= this.entries[i].data.length
    while (this.#characters > MAX_CHARACTERS && gone < this.entries.length - 1) this.#characters -= this.entries[gone++].data.length
    this.entries.splice(0, gone)
  }
}
