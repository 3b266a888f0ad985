import { cut } from '../page/visible.js'

const BETWEEN = /\s*/y
const MARKS = '{}[],:'
const AFTER_WORD = /[\s{}[\],:"]|$/g

// Payloads as readable text: JSON with line breaks, indents and colours.

/**
 * Splits a JSON text into tokens. No regular expression matches a whole string, because a string of millions of escapes would overflow its stack.
 *
 * @param {string} json A valid JSON text.
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

/** Returns the end of the token that starts at an index. */
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
 * Adds line breaks and indents to the tokens of a JSON text. The text itself is read, because parsing would round large numbers and drop
 * duplicate keys.
 *
 * @param {string} json A valid JSON text.
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
    // No line break in an empty object or list, nor between a key and its value.
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
 * Formats a payload: JSON gets line breaks and colours, any other text stays unchanged.
 *
 * @param {string} text
 * @param {number} limit The number of characters to show. `Infinity`: all of them, without colours, which need an element for each token.
 * @returns {{ content: DocumentFragment, cut: boolean, json: boolean }} `cut`: the limit has shortened the payload.
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
