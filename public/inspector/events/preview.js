import { element } from '../page/element.js'
import { visibly } from '../page/visible.js'

// Letters that are written from right to left.
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b]/

// Short as the text is, it cannot overflow a stack.
const STRING = /("(?:[^"\\]|\\.)*"?)/

/** The beginning of a payload on one line. */
export function preview (data, length) {
  const text = visibly(data, length)
  if (!/^\s*[[{"]/.test(data)) return element('bdi', {}, text)
  // JSON goes from left to right, whatever language its first key is in; and a string and its neighbour do not change places.
  const parts = RIGHT_TO_LEFT.test(text) ? text.split(STRING).map((part, n) => n % 2 === 1 ? element('bdi', {}, part) : part) : [text]
  return element('bdi', { dir: 'ltr' }, ...parts)
}
