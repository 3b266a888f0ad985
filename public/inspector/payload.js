const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/**
 * The tokens of a JSON text with line breaks and indents between them. Read from the text itself and not from its parsed value: that
 * would round large numbers, and drop a key that is there twice.
 *
 * @param {string} json A valid one.
 * @returns {Generator<[kind: 'key' | 'string' | 'number' | 'literal' | 'mark', text: string]>}
 */
export function * prettyTokens (json) {
  let depth = 0
  let opened = false
  const tokens = json.matchAll(TOKEN)
  const lineBreak = () => `\n${'  '.repeat(depth)}`
  for (let step = tokens.next(), next; !step.done; step = next) {
    const token = step.value[0]
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
    else if (token.startsWith('"')) yield [!next.done && next.value[0] === ':' ? 'key' : 'string', token]
    else yield [/^[-\d]/.test(token) ? 'number' : 'literal', token]
  }
}

export function isJson (text) {
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
    content.append(text.slice(0, limit))
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
    span.textContent = token.slice(0, left)
    content.append(span)
    left -= token.length
  }
  return { content, cut: left < 0, json: true }
}
