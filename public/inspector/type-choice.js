import { element } from './element.js'
import { visible } from './visible.js'

const MAX_TYPES = 200

/** The choice of an event type. It offers every type that came or was declared, and keeps what was chosen. */
export class TypeChoice {
  #select
  #offered = new Set()

  /** @param {HTMLSelectElement} select */
  constructor (select) {
    this.#select = select
  }

  /** @param {Iterable<string>} types */
  offer (types) {
    for (const type of types) {
      if (this.#offered.has(type) || this.#offered.size >= MAX_TYPES) continue
      this.#offered.add(type)
      const before = [...this.#select.options].slice(1).find((option) => option.value > type)
      this.#select.insertBefore(element('option', { value: type }, visible(type)), before ?? null)
    }
  }
}
