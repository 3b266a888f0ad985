/** An event as a reader receives it. */
export type Heard = readonly [type: string, data: string, lastEventId: string]

/** The bytes of a stream, and the events that a reader which follows the standard dispatches for them. */
export interface ParserCase {
  readonly claim: string
  readonly wire: Uint8Array
  readonly events: readonly Heard[]
  /** The events in Firefox: it drops an event whose ID contains NUL, drops NUL in data and before a line, and forgets an ID without data. */
  readonly firefox?: readonly Heard[]
}

const bytes = (...parts: Array<string | readonly number[]>): Uint8Array =>
  Buffer.concat(parts.map((part) => typeof part === 'string' ? Buffer.from(part) : Uint8Array.from(part)))

const BOM = [0xEF, 0xBB, 0xBF] as const

const CASES: Array<[claim: string, wire: string | Uint8Array, events: readonly Heard[], firefox?: readonly Heard[]]> = [
  ['LF ends lines', 'data: a\n\ndata: b\n\n', [['message', 'a', ''], ['message', 'b', '']]],
  ['CR ends lines', 'data: a\r\rdata: b\r\r', [['message', 'a', ''], ['message', 'b', '']]],
  ['CRLF ends lines', 'data: a\r\n\r\ndata: b\r\n\r\n', [['message', 'a', ''], ['message', 'b', '']]],
  ['LF, CR and CRLF may be mixed', 'event: a\rdata: 1\r\n\r\ndata: 2\n\rdata: 3\r\r\ndata: 4\n\r\ndata: 5\r\n\n', [
    ['a', '1', ''], ['message', '2', ''], ['message', '3', ''], ['message', '4', ''], ['message', '5', '']]],
  ['LF CR are two line ends', 'data: a\n\rdata: b\n\r', [['message', 'a', ''], ['message', 'b', '']]],
  ['no other character ends a line', 'data: a\u0085b\u2028c\u2029d\ve\ff\n\n', [['message', 'a\u0085b\u2028c\u2029d\ve\ff', '']]],
  ['a lone CR after CRLF is a blank line', 'data: a\r\ndata\r\ndata: b\r\n\r', [['message', 'a\n\nb', '']]],
  ['CRLF is one line end, also after a lone CR', 'data: a\r\n\r\n\r\ndata: b\r\r\n', [['message', 'a', ''], ['message', 'b', '']]],
  ['line ends at the beginning of a stream are ignored', '\n\r\n\rdata: a\n\n', [['message', 'a', '']]],

  ['one byte order mark at the beginning is dropped', bytes(BOM, 'data: a\n\n'), [['message', 'a', '']]],
  ['a second byte order mark is text', bytes(BOM, BOM, 'data: a\n\ndata: b\n\n'), [['message', 'b', '']]],
  ['a byte order mark anywhere else is text', bytes('data: a\n\n', BOM, 'data: b\n\ndata: ', BOM, 'c\n\n'), [['message', 'a', ''], ['message', '\uFEFFc', '']]],
  ['a stream of only a byte order mark has no event', bytes(BOM), []],

  ['comments are ignored before, within and after an event', ':\n: a\ndata: 1\n:data: 2\n:event: x\ndata: 3\n\n:\n\n', [['message', '1\n3', '']]],
  ['a comment may contain NUL, fields and thousands of characters', `data: 1\r:\0\n:\r\ndata: 2\n:${'c'.repeat(3000)}\rdata: 3\n:data: 4\r:${'é'.repeat(3000)}\ndata: 5\n\n`, [
    ['message', '1\n2\n3\n5', '']]],
  ['a comment between events neither dispatches nor ends an event', 'data: a\n\n: b\n\n: c\ndata: d\n: e\n\n', [['message', 'a', ''], ['message', 'd', '']]],
  ['a line without a colon is a field name as a whole', 'data: 1\njust some words\nretry\nevent stream\ndata 2\ndata: 3\n\n', [['message', '1\n3', '']]],
  ['a field name must match exactly', 'da-ta: 1\ndata_: 2\n_data: 3\ndata\t: 4\ndata\0: 5\n\0data: 6\nevents: x\nids: 7\ndata: 8\n\n', [['message', '8', '']],
    [['message', '6\n8', '']]],
  ['unknown fields are ignored', 'foo: 1\nDATA: 2\nData: 3\ndata: 4\ndat: 5\ndataa: 6\n\n', [['message', '4', '']]],
  ['a field name next to whitespace is unknown', ' data: 1\ndata : 2\n\tdata: 3\ndata: 4\n\n', [['message', '4', '']]],
  ['a field without a colon has an empty value', 'data\n\ndata\ndata\n\nevent\ndata\n\n', [['message', '', ''], ['message', '\n', ''], ['message', '', '']]],
  ['one space after the colon is dropped, further spaces stay', 'data:a\ndata: b\ndata:  c\ndata:\td\ndata: \ndata:  \n\n', [['message', 'a\nb\n c\n\td\n\n ', '']]],
  ['a value of a single space becomes empty', 'event: \nid: \ndata: \n\n', [['message', '', '']]],
  ['spaces at the end of a value stay', 'data: a \nevent: b \n\n', [['b ', 'a ', '']]],
  ['further colons belong to the value', 'data: a: b\ndata::c\nevent:: d\n\n', [[': d', 'a: b\n:c', '']]],

  ['data lines are joined with LF', 'data: a\ndata: b\ndata:\ndata: c\n\n', [['message', 'a\nb\n\nc', '']]],
  ['fields may stand in any order', 'data: a\nid: 1\nevent: x\ndata: b\n\nid: 2\ndata: c\nevent: y\n\nevent: z\ndata: d\nid: 3\n\n', [
    ['x', 'a\nb', '1'], ['y', 'c', '2'], ['z', 'd', '3']]],
  ['an event with empty data is dispatched', 'data:\n\ndata\n\ndata: \n\n', [['message', '', ''], ['message', '', ''], ['message', '', '']]],
  ['a blank line without data dispatches no event and resets the type', 'event: a\n\ndata: b\n\nevent: c\nid: 1\n\ndata: d\n\n',
    [['message', 'b', ''], ['message', 'd', '1']], [['message', 'b', ''], ['message', 'd', '']]],
  ['a stream that ends within a line drops the unfinished event', 'data: a\n\nid: 1\ndata: b', [['message', 'a', '']]],
  ['a stream that ends after LF drops the unfinished event', 'data: a\n\nid: 1\ndata: b\n', [['message', 'a', '']]],
  ['a stream that ends after CR drops the unfinished event', 'data: a\r\rdata: b\r', [['message', 'a', '']]],
  ['a CR as the last byte of a stream ends a line', 'data: a\n\r', [['message', 'a', '']]],
  ['NUL in data stays', 'data: a\0b\n\n', [['message', 'a\0b', '']], [['message', 'ab', '']]],
  ['NUL in a field name makes it unknown', 'da\0ta: a\ndata: b\n\n', [['message', 'b', '']]],

  ['a type applies to one event only', 'event: a\ndata: 1\n\ndata: 2\n\n', [['a', '1', ''], ['message', '2', '']]],
  ['the last type field of an event counts', 'event: a\nevent: b\ndata: 1\n\nevent: a\nevent\ndata: 2\n\nevent: a\nevent:\ndata: 3\n\n', [
    ['b', '1', ''], ['message', '2', ''], ['message', '3', '']]],
  ['the type may follow the data', 'data: 1\nevent: a\n\n', [['a', '1', '']]],
  ['an event type may be "error", "open" or "message"', 'event: error\ndata: 1\n\nevent: open\ndata: 2\n\nevent: message\ndata: 3\n\n', [
    ['error', '1', ''], ['open', '2', ''], ['message', '3', '']]],
  ['an event type may be any text', 'event: a b\ndata: 1\n\nevent: é€😀\ndata: 2\n\nevent: __proto__\ndata: 3\n\n', [['a b', '1', ''], ['é€😀', '2', ''], ['__proto__', '3', '']]],

  ['an ID applies until the next ID', 'id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n', [['message', 'a', '1'], ['message', 'b', '1'], ['message', 'c', '2']]],
  ['an empty ID clears the last event ID', 'id: 1\ndata: a\n\nid\ndata: b\n\nid: 2\ndata: c\n\nid:\ndata: d\n\nid: 3\ndata: e\n\nid: \ndata: f\n\n', [
    ['message', 'a', '1'], ['message', 'b', ''], ['message', 'c', '2'], ['message', 'd', ''], ['message', 'e', '3'], ['message', 'f', '']]],
  ['an ID without data applies to later events', 'id: 1\n\ndata: a\n\n', [['message', 'a', '1']], [['message', 'a', '']]],
  ['the last ID field of an event counts', 'id: 1\nid: 2\ndata: a\n\n', [['message', 'a', '2']]],
  ['an ID with NUL is ignored, and its event is dispatched', 'id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid: \0\ndata: c\n\nid: 3\nid: 4\0\ndata: d\n\n', [
    ['message', 'a', '1'], ['message', 'b', '1'], ['message', 'c', '1'], ['message', 'd', '3']], [['message', 'a', '1']]],
  ['an ID in an unfinished event dispatches nothing', 'id: 1\ndata: a\n\nid: 2\ndata: b\n', [['message', 'a', '1']]],
  ['spaces in an ID stay', 'id:  a b \ndata: 1\n\n', [['message', '1', ' a b ']]],
  ['an ID may be any text', 'id: é€😀\ndata: 1\n\nid: :1:\ndata: 2\n\n', [['message', '1', 'é€😀'], ['message', '2', ':1:']]],
  ['an ID may have thousands of characters', `id: ${'7'.repeat(5000)}\ndata: 1\n\n`, [['message', '1', '7'.repeat(5000)]]],

  ['a retry field dispatches no event and changes none', 'retry: 10\n\nretry: 1x\nretry\nretry:\nretry: -1\ndata: a\nretry: 10\n\n', [['message', 'a', '']]],

  ['characters of two, three and four bytes are decoded', 'data: é€😀\u{10FFFF}\u007F\u0080\u07FF\u0800\uFFFD\uFFFE\n\n', [['message', 'é€😀\u{10FFFF}\u007F\u0080\u07FF\u0800\uFFFD\uFFFE', '']]],
  ['bytes of invalid UTF-8 become U+FFFD', bytes('data: a', [0xFF], 'b', [0xC3], 'c', [0x80], '\n\n'), [['message', 'a\uFFFDb\uFFFDc\uFFFD', '']]],
  ['a truncated character at the end of a line leaves the line end intact', bytes('data: ', [0xC3], '\ndata: ', [0xE2, 0x82], '\r\ndata: ', [0xF0, 0x9F, 0x98], '\n\n'), [
    ['message', '\uFFFD\n\uFFFD\n\uFFFD', '']]],
  ['overlong forms are invalid UTF-8', bytes('data: ', [0xC0, 0xAF], '|', [0xE0, 0x80, 0xAF], '\n\n'), [['message', '\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD', '']]],
  ['an overlong LF does not end a line', bytes('data: a', [0xC0, 0x8A], 'b\n\n'), [['message', 'a\uFFFD\uFFFDb', '']]],
  ['an encoded surrogate is invalid UTF-8', bytes('data: ', [0xED, 0xA0, 0x80], '|', [0xED, 0xB0, 0x80], '\n\n'), [
    ['message', '\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD', '']]],
  ['a code point beyond U+10FFFF is invalid UTF-8', bytes('data: ', [0xF4, 0x90, 0x80, 0x80], '\n\n'), [['message', '\uFFFD\uFFFD\uFFFD\uFFFD', '']]],
  ['a stream that ends within a character keeps its earlier events', bytes('data: a\n\ndata: ', [0xF0, 0x9F]), [['message', 'a', '']]],

  ['a line may have a megabyte', `data: ${'0123456789abcde€'.repeat(65_536)}\n\n`, [['message', '0123456789abcde€'.repeat(65_536), '']]],
  ['an event may have ten thousand lines', `${'data: é\r\n'.repeat(10_000)}\r\n`, [['message', Array(10_000).fill('é').join('\n'), '']]],
  ['a stream may have a thousand events', Array.from({ length: 1000 }, (_, id) => `id: ${id}\r\ndata: ${id}\r\n\r\n`).join(''),
    Array.from({ length: 1000 }, (_, id) => ['message', String(id), String(id)])]
]

export const PARSER_CASES: readonly ParserCase[] = CASES.map(([claim, wire, events, firefox]) =>
  ({ claim, wire: typeof wire === 'string' ? bytes(wire) : wire, events, ...(firefox === undefined ? {} : { firefox }) }))

/**
 * Forms of the `retry` field, and whether each sets the reconnection time. A form that does sets a long one, so that tests see it.
 *
 * Chromium takes an empty value for its default of three seconds.
 */
export const RETRY_FORMS: ReadonlyArray<[line: string, isTaken: boolean, isTakenByChromium?: boolean]> = [
  ['retry: 90000', true],
  ['retry:90000', true],
  ['retry: 00090000', true],
  ['retry:  90000', false],
  ['retry: 90000 ', false],
  ['retry: +90000', false],
  ['retry: -90000', false],
  ['retry: 90000.5', false],
  ['retry: 9e4', false],
  ['retry: 0x15f90', false],
  ['retry: 90000ms', false],
  ['retry: 90,000', false],
  ['retry: ٩٠٠٠٠', false],
  ['Retry: 90000', false],
  [' retry: 90000', false],
  ['retry', false, true],
  ['retry:', false, true]
]
