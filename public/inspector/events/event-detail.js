import { copy } from '../page/clipboard.js'
import { element } from '../page/element.js'
import { pretty } from './payload.js'
import { visibly } from '../page/visible.js'
import { bytes, count, duration } from '../page/words.js'

// Characters of a payload.
const SHOWN = 20_000
// Characters of a type or an ID.
const LONGEST = 300

/** @typedef {import('./event-log.js').Entry} Entry */
/** @typedef {{ curl (id: string): string, resumeFrom (id: string): void }} Actions */

/** Makes the detail of an event, which is shown below its opened line. @param {Entry} entry @param {Actions} actions */
export function eventDetail (entry, actions) {
  const payload = element('pre', { tabindex: '0', role: 'group', 'aria-label': 'Payload' })
  const { content, cut, json } = pretty(entry.data, SHOWN)
  // The first letter decides the direction of a text, but not of JSON.
  payload.dir = json ? 'ltr' : 'auto'
  payload.append(content)
  const cell = element('div', { role: 'cell', 'aria-colspan': '4' },
    about(entry, json),
    buttons(entry, actions),
    payload)
  if (cut) cell.append(rest(entry, payload))
  return element('div', { role: 'row', class: 'detail' }, cell)
}

function about (entry, json) {
  const facts = [
    ['Type', bounded(entry.type)],
    entry.hasNewId ? ['Event ID', idOf(entry)] : ['Last event ID', `${idOf(entry)} (this event has none of its own)`],
    ['Arrived', new Date(entry.at).toISOString()],
    ['Data', `${json ? 'JSON' : 'text'}, ${bytes(new TextEncoder().encode(entry.data).length)}`]
  ]
  if (entry.delay !== null) facts.push(['Delay', duration(entry.delay)])
  return element('dl', { class: 'about' }, ...facts.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))))
}

const idOf = ({ id }) => id === '' ? 'empty' : bounded(id)

/** Shortens a text, so that the payload below stays in view. */
const bounded = (text) => text.length > LONGEST ? `${visibly(text, LONGEST)} (${count(text.length)} characters)` : visibly(text, LONGEST)

function buttons (entry, actions) {
  const group = element('div', { class: 'buttons' },
    button('Copy data', '', ({ target }) => copy(target, entry.data)),
    button('Copy as curl', 'A command that requests the events after this one', ({ target }) => copy(target, actions.curl(entry.id))))
  if (entry.id !== '') group.append(button('Reconnect from here', 'Drops the connection and reconnects from the ID of this event', () => actions.resumeFrom(entry.id)))
  return group
}

function rest (entry, payload) {
  const line = element('p', { class: 'cut note' }, `Cut after ${count(SHOWN)} of ${count(entry.data.length)} characters.`)
  line.append(button('Show all', '', () => {
    payload.replaceChildren(pretty(entry.data, Infinity).content)
    payload.focus({ preventScroll: true })
    line.remove()
  }))
  return line
}

function button (label, title, onClick) {
  const made = element('button', title === '' ? { type: 'button' } : { type: 'button', title }, label)
  made.addEventListener('click', onClick)
  return made
}
