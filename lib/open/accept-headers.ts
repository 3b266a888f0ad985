// Weighted lists, as in `Accept` and `Accept-Encoding`: RFC 9110, 12.4.2 and 12.5. One pass over the text, and nothing is copied of a
// member that nobody asks about: a stranger chooses what stands in such a header.

/** A member of a weighted list, in lower case: `text/html;level=1;q=0.5`. */
interface Member {
  readonly name: string
  /** Without `q`, without quotation marks. */
  readonly parameters: readonly string[]
  /** From 0, which refuses it, to 1. */
  readonly weight: number
}

// 16 KiB is all that Node takes of headers over HTTP/1.1; over HTTP/2 it takes more.
const MAX_LENGTH = 16 * 1024
// Of one and the same name. Ten lines of a browser's `Accept` have fewer.
const MAX_MEMBERS = 32
// No media type of ours has more than one; a member with more than this is passed over.
const MAX_PARAMETERS = 8

const TAB = 9
const SPACE = 32
const QUOTE = 34
const COMMA = 44
const SEMICOLON = 59
const EQUALS = 61
const BACKSLASH = 92

/**
 * Finds the members of a weighted list that have one of some names.
 *
 * @param names In lower case.
 * @returns In their order: at most the first 32, of the first 16 KiB.
 */
export function membersOf (list: string, names: readonly string[]): Member[] {
  const text = list.slice(0, MAX_LENGTH).toLowerCase()
  const members: Member[] = []
  for (let at = 0; at < text.length && members.length < MAX_MEMBERS;) {
    const start = skipBlanks(text, at)
    let end = partEnd(text, start)
    const name = start < end ? wordAt(text, start, end, names) : undefined
    const parameters: string[] = []
    let weight = 1
    let count = 0
    while (text.charCodeAt(end) === SEMICOLON) {
      const from = skipBlanks(text, end + 1)
      end = partEnd(text, from)
      if (name === undefined || from >= end || ++count > MAX_PARAMETERS) continue
      const parameter = text.slice(from, end).trim().replaceAll('"', '')
      if (parameter.startsWith('q=')) weight = readWeight(parameter.slice('q='.length))
      else if (parameter.includes('=')) parameters.push(parameter)
    }
    if (name !== undefined && count <= MAX_PARAMETERS) members.push({ name, parameters, weight })
    at = end + 1
  }
  return members
}

/**
 * What a list says of one thing: the weight of its most specific member that covers it. Undefined: no member does.
 *
 * @param names Of the members that cover it, the most specific first.
 * @param parameters Those it has.
 */
export function weightOf (members: readonly Member[], names: readonly string[], parameters: readonly string[] = []): number | undefined {
  const covering = members.filter((member) => member.parameters.every((parameter) => parameters.includes(parameter)))
  for (const name of names) {
    const named = covering.filter((member) => member.name === name)
    const special = named.filter((member) => member.parameters.length > 0)
    const told = special.length > 0 ? special : named
    if (told.length > 0) return Math.max(...told.map(({ weight }) => weight))
  }
  return undefined
}

/** Where a part ends: at a comma or a semicolon outside of quotation marks, or with the text. */
function partEnd (text: string, start: number): number {
  let isQuoted = false
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isQuoted) {
      if (code === BACKSLASH) at++
      else if (code === QUOTE) isQuoted = false
    } else if (code === COMMA || code === SEMICOLON) {
      return at
    } else if (code === QUOTE && text.charCodeAt(at - 1) === EQUALS) {
      isQuoted = true
    }
  }
  return text.length
}

/** Which word a part is, blanks behind it not counted. */
function wordAt (text: string, start: number, end: number, words: readonly string[]): string | undefined {
  for (const word of words) {
    if (text.startsWith(word, start) && start + word.length <= end && skipBlanks(text, start + word.length) >= end) return word
  }
  return undefined
}

function skipBlanks (text: string, start: number): number {
  let at = start
  while (text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB) at++
  return at
}

/** Not a number, or below zero: it refuses. */
function readWeight (text: string): number {
  // Some readers send `q=` and mean nothing by it.
  const weight = text === '' ? 1 : Number.parseFloat(text)
  return weight > 0 ? Math.min(weight, 1) : 0
}
