/** @typedef {import('./event-log.js').Entry} Entry */
/** @typedef {{ type: string, text: string, heartbeats: boolean }} Filter `''`: every type, or any text. */

/** The entries of the log that pass the filter, kept up to date. */
export class Selection {
  /** @type {Entry[]} */
  entries = []
  #log
  #accepts = accepting({ type: '', text: '', heartbeats: false })
  #seen = 0

  /** @param {import('./event-log.js').EventLog} log */
  constructor (log) {
    this.#log = log
  }

  /** @param {Filter} filter */
  filter (filter) {
    this.#accepts = accepting(filter)
    this.reset()
  }

  reset () {
    this.entries = []
    this.#seen = 0
    this.update()
  }

  /** Adds the new entries of the log, and drops entries that the log has forgotten. */
  update () {
    const { entries } = this.#log
    for (let i = after(entries, this.#seen); i < entries.length; i++) {
      if (this.#accepts(entries[i])) this.entries.push(entries[i])
    }
    this.#seen = this.#log.lastSeq
    const oldest = entries[0]?.seq ?? Infinity
    const gone = after(this.entries, oldest - 1)
    if (gone > 0) this.entries.splice(0, gone)
  }
}

/** Finds the index of the first entry after a number, in an ordered list. @param {Entry[]} entries @param {number} seq */
export function after (entries, seq) {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (entries[middle].seq > seq) high = middle
    else low = middle + 1
  }
  return low
}

/** @param {Filter} filter @returns {(entry: Entry) => boolean} */
function accepting ({ type, text, heartbeats }) {
  // A regular expression, because `toLowerCase` would copy every payload, megabytes in all.
  const searched = text === '' ? null : new RegExp(text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'i')
  return (entry) => (heartbeats || entry.type !== 'sse.heartbeat' || type === 'sse.heartbeat') &&
    (type === '' || entry.type === type) &&
    (searched === null || searched.test(entry.data) || searched.test(entry.id) || searched.test(entry.type))
}
