import { element } from '../page/element.js'
import { MAX_TYPES } from './event-log.js'
import { visibly } from '../page/visible.js'
import { count } from '../page/words.js'

const LONGEST = 100

/** The select box for the event type. It offers the declared types and the received types, up to a bound, and keeps the choice. */
export class TypeChoice {
  #select
  #offered = new Set()
  #isFull = false

  /** @param {HTMLSelectElement} select */
  constructor (select) {
    this.#select = select
  }

  /** @param {Iterable<string>} types */
  offer (types) {
    for (const type of types) {
      if (this.#offered.has(type)) continue
      if (this.#offered.size >= MAX_TYPES) return this.#sayFull()
      this.#offered.add(type)
      const before = [...this.#select.options].slice(1).find((option) => option.disabled || option.value > type)
      this.#select.insertBefore(element('option', { value: type }, visibly(type, LONGEST)), before ?? null)
    }
  }

  #sayFull () {
    if (this.#isFull) return
    this.#isFull = true
    this.#select.append(element('option', { disabled: '' }, `More than ${count(MAX_TYPES)} types: filter by text`))
  }
}
