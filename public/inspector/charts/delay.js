const USUAL_FIELDS = ['at', 'time', 'timestamp', 'ts']
// Parsing payloads of megabytes for one number would cost more than the number is worth.
const MAX_PARSED = 64 * 1024

/** Accepts milliseconds of the years 2001 to 2286: any other number is not a time in milliseconds. */
const isMoment = (value) => value > 1e12 && value < 1e13

/**
 * Measures how long events took to arrive: the arrival by the clock of this device, minus the time in the payload, by the clock of its
 * author.
 */
export class DelayMeter {
  /** The field of the last time found; null if there was none. @type {string | null} */
  field = null
  #wanted = ''

  /** @param {string} field A property, or a path with dots. `''`: the first of the usual names that has a time. */
  use (field) {
    this.#wanted = field
    this.field = null
  }

  get wanted () { return this.#wanted }

  /** @param {string} data @param {number} at The arrival, in milliseconds since 1970. @returns {number | null} Milliseconds; null without a time. */
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
