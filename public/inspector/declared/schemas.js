import { dot, element, write } from '../page/element.js'
import { pretty } from '../events/payload.js'
import { visible } from '../page/visible.js'
import { count } from '../page/words.js'

/** @typedef {{ event: string, schema: unknown, text: boolean, ephemeral: boolean, latestBy: boolean }} Declared */

const FLAGS = [
  ['text', 'The payload is text, not JSON'],
  ['ephemeral', 'Not kept, and never replayed'],
  ['latestBy', 'Only the latest event of each key is kept']
]

/** The list of declared events with their schemas. */
export class Schemas {
  #list
  #note
  #number
  /** @type {Map<string, HTMLElement>} The element that shows the number of received events, by type. */
  #seen = new Map()

  /** @param {HTMLElement} list @param {HTMLElement} note @param {HTMLElement} number */
  constructor (list, note, number) {
    this.#list = list
    this.#note = note
    this.#number = number
  }

  /** @param {Declared[] | null} events Null: the application declared nothing. */
  show (events) {
    write(this.#note, explanation(events))
    write(this.#number, events === null || events.length === 0 ? '' : count(events.length))
    this.#seen = new Map()
    this.#list.replaceChildren(...(events ?? []).map((declared) => this.#item(declared)))
  }

  fail () {
    write(this.#note, 'The list of declared events could not be read from the server. It is requested again when the stream opens.')
  }

  /** @param {Map<string, number>} types The number of received events by type. */
  showCounts (types) {
    for (const [type, place] of this.#seen) write(place, count(types.get(type) ?? 0))
  }

  #item (declared) {
    const seen = element('span', { class: 'seen', title: 'Received since this page was loaded or cleared' }, '0')
    this.#seen.set(declared.event, seen)
    const flags = FLAGS.filter(([flag]) => declared[flag]).map(([flag, title]) => element('span', { class: 'flag', title }, flag))
    const schema = element('pre', { tabindex: '0', role: 'group', 'aria-label': `JSON Schema of ${declared.event}` })
    const details = element('details', {},
      element('summary', {}, dot(declared.event), element('bdi', { class: 'name' }, visible(declared.event)), ...flags, seen), schema)
    // Rendered when it is opened: an application may declare hundreds of events.
    details.addEventListener('toggle', () => schema.append(pretty(JSON.stringify(declared.schema), 100_000).content), { once: true })
    return element('li', {}, details)
  }
}

function explanation (events) {
  if (events === null) return 'This application declared no events: it accepts every type and every payload.'
  if (events.length === 0) return 'This application declared an empty list of events.'
  return ''
}
