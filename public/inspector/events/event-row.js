import { dot, element } from '../page/element.js'
import { meaningOfGap } from './gap.js'
import { preview } from './preview.js'
import { visibly } from '../page/visible.js'
import { clock } from '../page/words.js'

const LONGEST = 300

/** @typedef {import('./event-log.js').Entry} Entry */

/** Makes the line of an event. Its button opens the line, and the arrow keys move from button to button. @param {Entry} entry */
export function eventLine (entry) {
  const time = element('div', { role: 'cell', class: 'when' }, element('time', { datetime: new Date(entry.at).toISOString() }, clock(entry.at)))
  const line = entry.type === 'sse.gap' ? gapLine(entry, time) : plainLine(entry, time)
  line.dataset.seq = String(entry.seq)
  return line
}

function plainLine (entry, time) {
  return element('div', { role: 'row', class: 'line' },
    time,
    element('div', { role: 'cell', class: 'type' }, toggle(dot(entry.type), element('bdi', {}, visibly(entry.type, LONGEST)))),
    element('div', { role: 'cell', class: 'id' }, entry.hasNewId && entry.id !== '' ? element('bdi', {}, visibly(entry.id, LONGEST)) : '–'),
    entry.data === ''
      ? element('div', { role: 'cell', class: 'preview none' }, 'empty')
      : element('div', { role: 'cell', class: 'preview' }, preview(entry.data, LONGEST)))
}

function gapLine (entry, time) {
  return element('div', { role: 'row', class: 'line gap' },
    time,
    element('div', { role: 'cell', class: 'meaning', 'aria-colspan': '3' }, toggle('Gap'), element('span', {}, meaningOfGap(entry.data))))
}

const toggle = (...children) => element('button', { class: 'toggle', type: 'button', 'aria-expanded': 'false', tabindex: '-1' }, ...children)
