// Parses weighted lists, the values of `Accept` and `Accept-Encoding`: RFC 9110, 12.4.2 and 12.5. The sender of a request chooses the text,
// so the parser reads it once, and copies only members with the requested names.

/** A member of a weighted list, in lower case, such as `text/html;level=1;q=0.5`. */
interface Member {
  readonly name: string
  /** The parameters except `q`, without quotation marks. */
  readonly parameters: readonly string[]
  /** From 0, which refuses the member, to 1. */
  readonly weight: number
}

// Node accepts 16 KiB of headers in all over HTTP/1.1, and more over HTTP/2.
const MAX_LENGTH = 16 * 1024
// Only members with the requested names count. Ten lines of a browser's `Accept` have fewer than 32 such members.
const MAX_MEMBERS = 32
// A member with more parameters is ignored. The media types of this plugin have one at most.
const MAX_PARAMETERS = 8

const TAB = 9
const SPACE = 32
const QUOTE = 34
const COMMA = 44
const SEMICOLON = 59
const EQUALS = 61
const BACKSLASH = 92

/**
 * Finds the members of a weighted list that have one of the given names.
 *
 * @param names The names, in lower case.
 * @returns The members in their order: at most 32, from the first 16 KiB of the text.
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
 * Finds the weight that a list gives to a media type or a coding: the weight of the most specific member that covers it.
 *
 * @param names The names of the members that can cover it, the most specific first.
 * @param parameters The parameters of the media type.
 * @returns Undefined if no member covers it.
 */
export function weightOf (members: readonly Member[], names: readonly string[], parameters: readonly string[] = []): number | undefined {
  const covering = members.filter((member) => member.parameters.every((parameter) => parameters.includes(parameter)))
  for (const name of names) {
    const named = covering.filter((member) => member.name === name)
    const special = named.filter((member) => member.parameters.length > 0)
    const deciding = special.length > 0 ? special : named
    if (deciding.length > 0) return Math.max(...deciding.map(({ weight }) => weight))
  }
  return undefined
}

/** The index at which a part ends: at a comma or semicolon outside quotation marks, or at the end of the text. */
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

/** The word that a part consists of, trailing blanks ignored; undefined if it is none of the words. */
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

/** Reads a weight. A negative weight, or text that is not a number, counts as 0, which refuses. */
function readWeight (text: string): number {
  // Some readers send an empty `q=`, which has no meaning.
  const weight = text === '' ? 1 : Number.parseFloat(text)
  return weight > 0 ? Math.min(weight, 1) : 0
}
