export const SPAN = 60

/** Statistics of the last sixty seconds and the current one: the number of values, the least, the mean and the greatest. */
export class PerSecond {
  #slots = Array.from({ length: SPAN + 1 }, () => ({ second: -1, number: 0, sum: 0, min: 0, max: 0 }))

  /** @param {number} at Milliseconds since 1970. @param {number} value */
  add (at, value = 0) {
    const second = Math.floor(at / 1000)
    const slot = this.#slots[second % this.#slots.length]
    if (slot.second !== second) Object.assign(slot, { second, number: 0, sum: 0, min: Infinity, max: -Infinity })
    slot.number++
    slot.sum += value
    slot.min = Math.min(slot.min, value)
    slot.max = Math.max(slot.max, value)
  }

  /** Returns the seconds, oldest first; null for a second without values. The last second is incomplete. @param {number} now */
  seconds (now) {
    const present = Math.floor(now / 1000)
    return Array.from({ length: SPAN + 1 }, (_, i) => {
      const second = present - SPAN + i
      const slot = this.#slots[second % this.#slots.length]
      return slot.second === second ? { number: slot.number, mean: slot.sum / slot.number, min: slot.min, max: slot.max } : null
    })
  }

  clear () {
    for (const slot of this.#slots) slot.second = -1
  }
}
