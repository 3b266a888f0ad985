/** An event as a reader gets it. */
export type Heard = readonly [type: string, data: string, lastEventId: string]

/** A stream, and what a reader that keeps to the standard makes of it. */
export interface ParserCase {
  readonly claim: string
  readonly wire: Uint8Array
  readonly events: readonly Heard[]
  /** Where Firefox differs: it drops an event whose ID holds NUL, drops NUL in data and in front of a line, and forgets an ID that came without data. */
  readonly firefox?: readonly Heard[]
}

const bytes = (...parts: Array<string | readonly number[]>): Uint8Array =>
  Buffer.concat(parts.map((part) => typeof part === 'string' ? Buffer.from(part) : Uint8Array.from(part)))

const BOM = [0xEF, 0xBB, 0xBF] as const

const CASES: Array<[claim: string, wire: string | Uint8Array, events: readonly Heard[], firefox?: readonly Heard[]]> = [
  ['LF ends lines', 'data: a\n\ndata: b\n\n', [['message', 'a', ''], ['message', 'b', '']]],
  ['CR ends lines', 'data: a\r\rdata: b\r\r', [['message', 'a', ''], ['message', 'b', '']]],
  ['CRLF ends lines', 'data: a\r\n\r\ndata: b\r\n\r\n', [['message', 'a', ''], ['message', 'b', '']]],
  ['all line ends, mixed', 'event: a\rdata: 1\r\n\r\ndata: 2\n\rdata: 3\r\r\ndata: 4\n\r\ndata: 5\r\n\n', [
    ['a', '1', ''], ['message', '2', ''], ['message', '3', ''], ['message', '4', ''], ['message', '5', '']]],
  ['LF CR are two line ends', 'data: a\n\rdata: b\n\r', [['message', 'a', ''], ['message', 'b', '']]],
  ['no other character ends a line', 'data: a\u0085b\u2028c\u2029d\ve\ff\n\n', [['message', 'a\u0085b\u2028c\u2029d\ve\ff', '']]],
  ['a blank line may be a lone CR behind CRLF', 'data: a\r\ndata\r\ndata: b\r\n\r', [['message', 'a\n\nb', '']]],
  ['CRLF within a line that ends in CR is one line end', 'data: a\r\n\r\n\r\ndata: b\r\r\n', [['message', 'a', ''], ['message', 'b', '']]],
  ['a stream may begin with line ends', '\n\r\n\rdata: a\n\n', [['message', 'a', '']]],

  ['one byte order mark at the beginning is dropped', bytes(BOM, 'data: a\n\n'), [['message', 'a', '']]],
  ['a second one is text', bytes(BOM, BOM, 'data: a\n\ndata: b\n\n'), [['message', 'b', '']]],
  ['a byte order mark anywhere else is text', bytes('data: a\n\n', BOM, 'data: b\n\ndata: ', BOM, 'c\n\n'), [['message', 'a', ''], ['message', '\uFEFFc', '']]],
  ['a byte order mark alone is nothing', bytes(BOM), []],

  ['comments are ignored, wherever they stand', ':\n: a\ndata: 1\n:data: 2\n:event: x\ndata: 3\n\n:\n\n', [['message', '1\n3', '']]],
  ['a comment may hold NUL, fields, and thousands of characters', `data: 1\r:\0\n:\r\ndata: 2\n:${'c'.repeat(3000)}\rdata: 3\n:data: 4\r:${'é'.repeat(3000)}\ndata: 5\n\n`, [
    ['message', '1\n2\n3\n5', '']]],
  ['a comment between events is none, and ends none', 'data: a\n\n: b\n\n: c\ndata: d\n: e\n\n', [['message', 'a', ''], ['message', 'd', '']]],
  ['a line without colon is a field name, whatever it says', 'data: 1\njust some words\nretry\nevent stream\ndata 2\ndata: 3\n\n', [['message', '1\n3', '']]],
  ['a name has to be the whole of it', 'da-ta: 1\ndata_: 2\n_data: 3\ndata\t: 4\ndata\0: 5\n\0data: 6\nevents: x\nids: 7\ndata: 8\n\n', [['message', '8', '']],
    [['message', '6\n8', '']]],
  ['unknown fields are ignored', 'foo: 1\nDATA: 2\nData: 3\ndata: 4\ndat: 5\ndataa: 6\n\n', [['message', '4', '']]],
  ['a name with blanks is unknown', ' data: 1\ndata : 2\n\tdata: 3\ndata: 4\n\n', [['message', '4', '']]],
  ['a field without colon has the empty value', 'data\n\ndata\ndata\n\nevent\ndata\n\n', [['message', '', ''], ['message', '\n', ''], ['message', '', '']]],
  ['one space behind the colon is dropped, more stay', 'data:a\ndata: b\ndata:  c\ndata:\td\ndata: \ndata:  \n\n', [['message', 'a\nb\n c\n\td\n\n ', '']]],
  ['the space is dropped from a value that is nothing else', 'event: \nid: \ndata: \n\n', [['message', '', '']]],
  ['blanks at the end stay', 'data: a \nevent: b \n\n', [['b ', 'a ', '']]],
  ['further colons are text', 'data: a: b\ndata::c\nevent:: d\n\n', [[': d', 'a: b\n:c', '']]],

  ['data lines are joined with LF', 'data: a\ndata: b\ndata:\ndata: c\n\n', [['message', 'a\nb\n\nc', '']]],
  ['fields may stand in any order', 'data: a\nid: 1\nevent: x\ndata: b\n\nid: 2\ndata: c\nevent: y\n\nevent: z\ndata: d\nid: 3\n\n', [
    ['x', 'a\nb', '1'], ['y', 'c', '2'], ['z', 'd', '3']]],
  ['data that is empty is an event', 'data:\n\ndata\n\ndata: \n\n', [['message', '', ''], ['message', '', ''], ['message', '', '']]],
  ['without data there is no event, and its type is forgotten', 'event: a\n\ndata: b\n\nevent: c\nid: 1\n\ndata: d\n\n',
    [['message', 'b', ''], ['message', 'd', '1']], [['message', 'b', ''], ['message', 'd', '']]],
  ['what the stream does not end is no event', 'data: a\n\nid: 1\ndata: b', [['message', 'a', '']]],
  ['nor is it behind the end of its line', 'data: a\n\nid: 1\ndata: b\n', [['message', 'a', '']]],
  ['nor behind CR, if none follows', 'data: a\r\rdata: b\r', [['message', 'a', '']]],
  ['a CR at the very end is a line end', 'data: a\n\r', [['message', 'a', '']]],
  ['NUL in data stays', 'data: a\0b\n\n', [['message', 'a\0b', '']], [['message', 'ab', '']]],
  ['NUL in a field name makes it unknown', 'da\0ta: a\ndata: b\n\n', [['message', 'b', '']]],

  ['the type is that of its event alone', 'event: a\ndata: 1\n\ndata: 2\n\n', [['a', '1', ''], ['message', '2', '']]],
  ['the last type of an event counts', 'event: a\nevent: b\ndata: 1\n\nevent: a\nevent\ndata: 2\n\nevent: a\nevent:\ndata: 3\n\n', [
    ['b', '1', ''], ['message', '2', ''], ['message', '3', '']]],
  ['a type may be named behind the data', 'data: 1\nevent: a\n\n', [['a', '1', '']]],
  ['types may be what the connection says', 'event: error\ndata: 1\n\nevent: open\ndata: 2\n\nevent: message\ndata: 3\n\n', [
    ['error', '1', ''], ['open', '2', ''], ['message', '3', '']]],
  ['types may be any text', 'event: a b\ndata: 1\n\nevent: é€😀\ndata: 2\n\nevent: __proto__\ndata: 3\n\n', [['a b', '1', ''], ['é€😀', '2', ''], ['__proto__', '3', '']]],

  ['an id holds until there is another one', 'id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n', [['message', 'a', '1'], ['message', 'b', '1'], ['message', 'c', '2']]],
  ['an empty id empties it', 'id: 1\ndata: a\n\nid\ndata: b\n\nid: 2\ndata: c\n\nid:\ndata: d\n\nid: 3\ndata: e\n\nid: \ndata: f\n\n', [
    ['message', 'a', '1'], ['message', 'b', ''], ['message', 'c', '2'], ['message', 'd', ''], ['message', 'e', '3'], ['message', 'f', '']]],
  ['an id without data holds', 'id: 1\n\ndata: a\n\n', [['message', 'a', '1']], [['message', 'a', '']]],
  ['the last id of an event counts', 'id: 1\nid: 2\ndata: a\n\n', [['message', 'a', '2']]],
  ['an id with NUL is ignored, its event is not', 'id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid: \0\ndata: c\n\nid: 3\nid: 4\0\ndata: d\n\n', [
    ['message', 'a', '1'], ['message', 'b', '1'], ['message', 'c', '1'], ['message', 'd', '3']], [['message', 'a', '1']]],
  ['an id that the stream does not end is none', 'id: 1\ndata: a\n\nid: 2\ndata: b\n', [['message', 'a', '1']]],
  ['blanks within an id stay', 'id:  a b \ndata: 1\n\n', [['message', '1', ' a b ']]],
  ['an id may be any text', 'id: é€😀\ndata: 1\n\nid: :1:\ndata: 2\n\n', [['message', '1', 'é€😀'], ['message', '2', ':1:']]],
  ['an id may be long', `id: ${'7'.repeat(5000)}\ndata: 1\n\n`, [['message', '1', '7'.repeat(5000)]]],

  ['retry is no event, and harms none', 'retry: 10\n\nretry: 1x\nretry\nretry:\nretry: -1\ndata: a\nretry: 10\n\n', [['message', 'a', '']]],

  ['characters of two, three and four bytes', 'data: é€😀\u{10FFFF}\u007F\u0080\u07FF\u0800\uFFFD\uFFFE\n\n', [['message', 'é€😀\u{10FFFF}\u007F\u0080\u07FF\u0800\uFFFD\uFFFE', '']]],
  ['bytes that are no UTF-8 become U+FFFD', bytes('data: a', [0xFF], 'b', [0xC3], 'c', [0x80], '\n\n'), [['message', 'a\uFFFDb\uFFFDc\uFFFD', '']]],
  ['a character that is cut short by the end of its line takes none of it', bytes('data: ', [0xC3], '\ndata: ', [0xE2, 0x82], '\r\ndata: ', [0xF0, 0x9F, 0x98], '\n\n'), [
    ['message', '\uFFFD\n\uFFFD\n\uFFFD', '']]],
  ['overlong forms are no UTF-8', bytes('data: ', [0xC0, 0xAF], '|', [0xE0, 0x80, 0xAF], '\n\n'), [['message', '\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD', '']]],
  ['an overlong LF ends no line', bytes('data: a', [0xC0, 0x8A], 'b\n\n'), [['message', 'a\uFFFD\uFFFDb', '']]],
  ['half a surrogate pair is no UTF-8', bytes('data: ', [0xED, 0xA0, 0x80], '|', [0xED, 0xB0, 0x80], '\n\n'), [
    ['message', '\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD', '']]],
  ['beyond the last character there is none', bytes('data: ', [0xF4, 0x90, 0x80, 0x80], '\n\n'), [['message', '\uFFFD\uFFFD\uFFFD\uFFFD', '']]],
  ['a stream that ends within a character gives its events', bytes('data: a\n\ndata: ', [0xF0, 0x9F]), [['message', 'a', '']]],

  ['a line of a megabyte', `data: ${'0123456789abcde€'.repeat(65_536)}\n\n`, [['message', '0123456789abcde€'.repeat(65_536), '']]],
  ['ten thousand lines', `${'data: é\r\n'.repeat(10_000)}\r\n`, [['message', Array(10_000).fill('é').join('\n'), '']]],
  ['a thousand events', Array.from({ length: 1000 }, (_, id) => `id: ${id}\r\ndata: ${id}\r\n\r\n`).join(''),
    Array.from({ length: 1000 }, (_, id) => ['message', String(id), String(id)])]
]

export const PARSER_CASES: readonly ParserCase[] = CASES.map(([claim, wire, events, firefox]) =>
  ({ claim, wire: typeof wire === 'string' ? bytes(wire) : wire, events, ...(firefox === undefined ? {} : { firefox }) }))

/**
 * Of these a reader can tell whether they set the reconnection time, since they would set a long one.
 *
 * To Chromium an empty one is its own default, of three seconds.
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
