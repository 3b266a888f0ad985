import { element } from '../page/element.js'
import { visibly } from '../page/visible.js'

// Letters of scripts that run from right to left.
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b]/

// The text is short, so the expression cannot overflow its stack.
const STRING = /("(?:[^"\\]|\\.)*"?)/

/** Makes the one-line preview of a payload. */
export function preview (data, length) {
  const text = visibly(data, length)
  if (!/^\s*[[{"]/.test(data)) return element('bdi', {}, text)
  // JSON runs from left to right, whatever the script of its first key. Isolated strings do not change places with their neighbours.
  const parts = RIGHT_TO_LEFT.test(text) ? text.split(STRING).map((part, n) => n % 2 === 1 ? element('bdi', {}, part) : part) : [text]
  return element('bdi', { dir: 'ltr' }, ...parts)
}
