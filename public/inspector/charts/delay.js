const USUAL_FIELDS = ['at', 'time', 'timestamp', 'ts']
// Parsing every payload of megabytes for one number would cost more than the number is worth.
const MAX_PARSED = 64 * 1024

/** Milliseconds of the years 2001 to 2286: a smaller or larger number is not a time in milliseconds. */
const isMoment = (value) => value > 1e12 && value < 1e13

/**
 * How long an event took to arrive: its arrival by the clock of this device, less the time that its payload carries, by the clock of
 * whoever wrote it.
 */
export class DelayMeter {
  /** The field that the last delay was read from; null before there was one. @type {string | null} */
  field = null
  #wanted = ''

  /** @param {string} field A property, or a path with dots; `''`: the first usual name that holds a time. */
  use (field) {
    this.#wanted = field
    this.field = null
  }

  get wanted () { return this.#wanted }

  /** @param {string} data @param {number} at @returns {number | null} Null: the payload carries no time. */
  measure (data, at) {
    if (data.length > MAX_PARSED || !data.startsWith('{')) return null
    let payload
    try {
      payload = JSON.parse(data)
    } catch {
      return null
    }
    for (const field of this.#wanted === '' ? USUAL_FIELDS : [this.#wanted]) {
      const moment = momentIn(payload, field)
      if (moment === null) continue
      this.field = field
      return at - moment
    }
    return null
  }
}

function momentIn (payload, field) {
  let value = Object.hasOwn(payload, field) ? payload[field] : undefined
  if (value === undefined && field.includes('.')) value = field.split('.').reduce((inner, key) => inner?.[key], payload)
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) value = Date.parse(value)
  return typeof value === 'number' && isMoment(value) ? value : null
}
