import { cut } from '../page/visible.js'

const BETWEEN = /\s*/y
const MARKS = '{}[],:'
const AFTER_WORD = /[\s{}[\],:"]|$/g

/**
 * The tokens of a JSON text, in order. No expression takes a whole string: one that holds millions of escapes would overflow its stack.
 *
 * @param {string} json A valid one.
 * @returns {Generator<string>}
 */
function * tokensOf (json) {
  for (let at = 0; ;) {
    BETWEEN.lastIndex = at
    BETWEEN.exec(json)
    const start = BETWEEN.lastIndex
    if (start >= json.length) return
    at = endOf(json, start)
    yield json.slice(start, at)
  }
}

/** Where the token that starts here ends. */
function endOf (json, start) {
  if (MARKS.includes(json[start])) return start + 1
  if (json[start] === '"') return endOfString(json, start)
  AFTER_WORD.lastIndex = start
  return AFTER_WORD.exec(json).index
}

function endOfString (json, start) {
  for (let quote = json.indexOf('"', start + 1); ; quote = json.indexOf('"', quote + 1)) {
    let escapes = 0
    while (json[quote - 1 - escapes] === '\\') escapes++
    if (escapes % 2 === 0) return quote + 1
  }
}

/**
 * The tokens of a JSON text with line breaks and indents between them. Read from the text itself and not from its parsed value: that
 * would round large numbers, and drop a key that is there twice.
 *
 * @param {string} json A valid one.
 * @returns {Generator<[kind: 'key' | 'string' | 'number' | 'literal' | 'mark', text: string]>}
 */
function * prettyTokens (json) {
  let depth = 0
  let opened = false
  const tokens = tokensOf(json)
  const lineBreak = () => `\n${'  '.repeat(depth)}`
  for (let step = tokens.next(), next; !step.done; step = next) {
    const token = step.value
    next = tokens.next()
    const closes = token === '}' || token === ']'
    if (closes) depth--
    // Neither inside an empty object or list, nor between a key and its value.
    if (opened !== closes) yield ['mark', lineBreak()]
    opened = token === '{' || token === '['
    if (opened) {
      depth++
      yield ['mark', token]
    } else if (token === ',') yield ['mark', `,${lineBreak()}`]
    else if (token === ':') yield ['mark', ': ']
    else if (closes) yield ['mark', token]
    else if (token.startsWith('"')) yield [!next.done && next.value === ':' ? 'key' : 'string', token]
    else yield [/^[-\d]/.test(token) ? 'number' : 'literal', token]
  }
}

function isJson (text) {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/**
 * A payload as it is read best: JSON with line breaks and colours, anything else as it is.
 *
 * @param {string} text
 * @param {number} limit How many characters are shown. `Infinity` for all, which then has no colours: they would take an element for every token.
 * @returns {{ content: DocumentFragment, cut: boolean, json: boolean }}
 */
export function pretty (text, limit) {
  const content = document.createDocumentFragment()
  if (!isJson(text)) {
    content.append(cut(text, limit))
    return { content, cut: text.length > limit, json: false }
  }
  if (limit === Infinity) {
    let whole = ''
    for (const [, token] of prettyTokens(text)) whole += token
    content.append(whole)
    return { content, cut: false, json: true }
  }
  let left = limit
  for (const [kind, token] of prettyTokens(text)) {
    if (left <= 0) return { content, cut: true, json: true }
    const span = document.createElement('span')
    span.className = kind
    span.textContent = cut(token, left)
    content.append(span)
    left -= token.length
  }
  return { content, cut: left < 0, json: true }
}
