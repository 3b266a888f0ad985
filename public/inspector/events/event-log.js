const MAX_EVENTS = 10_000
const MAX_CHARACTERS = 64 * 1024 * 1024
// A stream may have a new type for every event.
export const MAX_TYPES = 1000
// Removing the front of an array moves the rest, so this many events are removed at a time.
const SLACK = 500

/**
 * @typedef {object} Entry
 * @property {number} seq The number of the event since the page was loaded, from 1.
 * @property {number} at The arrival, in milliseconds since 1970.
 * @property {string} type
 * @property {string} id The last event ID after this event.
 * @property {boolean} hasNewId False if `id` is the ID of the previous event, which an event without its own ID keeps.
 * @property {string} data
 * @property {number | null} delay Milliseconds from the time in the payload to the arrival; null without a time.
 */

/** The newest events, bounded in number and size. Events that arrive while the page is hidden or paused are included. */
export class EventLog {
  /** @type {Entry[]} In order of arrival. */
  entries = []
  total = 0
  gaps = 0
  /** @type {Map<string, number>} The number of events by type, for the first thousand types. */
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
