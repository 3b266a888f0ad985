/** @typedef {import('./event-log.js').Entry} Entry */
/** @typedef {{ type: string, text: string, heartbeats: boolean }} Filter `''`: every type; any text. */

/** Those entries of the log that the filter lets through, kept up to date as entries come and go. */
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

  /** Takes in what has come since, and drops what the log has forgotten. */
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

/** Where the first entry after this one is, in a list in order. @param {Entry[]} entries @param {number} seq */
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
  // An expression and not toLowerCase: that would copy every payload, megabytes of them.
  const searched = text === '' ? null : new RegExp(text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'i')
  return (entry) => (heartbeats || entry.type !== 'sse.heartbeat' || type === 'sse.heartbeat') &&
    (type === '' || entry.type === type) &&
    (searched === null || searched.test(entry.data) || searched.test(entry.id) || searched.test(entry.type))
}
