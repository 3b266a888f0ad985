import t from 'tap'
import fc from 'fast-check'
import { createParser } from 'eventsource-parser'
import { EventStreamParser, type ParsedEvent } from '../../../client/wire/event-stream-parser.ts'
import { tries } from '../../support/tries.ts'

interface Read { events: ParsedEvent[], retries: number[], comments: string[] }

function read (...pieces: string[]): Read {
  const result: Read = { events: [], retries: [], comments: [] }
  const parser = new EventStreamParser({
    event: (event) => result.events.push(event),
    retry: (time) => result.retries.push(time),
    comment: (text) => result.comments.push(text)
  })
  for (const piece of pieces) parser.push(piece)
  return result
}

const CASES: Array<[claim: string, wire: string, events: ParsedEvent[]]> = [
  ['data lines are joined with LF', 'data: a\ndata: b\n\n', [{ type: 'message', data: 'a\nb', lastEventId: '' }]],
  ['one space after the colon is dropped, a second one stays', 'data:  a\n\n', [{ type: 'message', data: ' a', lastEventId: '' }]],
  ['a field without a colon has the empty value', 'data\n\ndata\ndata\n\n', [
    { type: 'message', data: '', lastEventId: '' }, { type: 'message', data: '\n', lastEventId: '' }]],
  ['an event without data is not dispatched, and its type is reset', 'event: a\n\ndata: b\n\n', [{ type: 'message', data: 'b', lastEventId: '' }]],
  ['an ID applies to the events after it', 'id: 1\ndata: a\n\ndata: b\n\n', [
    { type: 'message', data: 'a', lastEventId: '1' }, { type: 'message', data: 'b', lastEventId: '1' }]],
  ['an empty ID clears the last event ID', 'id: 1\ndata: a\n\nid\ndata: b\n\n', [
    { type: 'message', data: 'a', lastEventId: '1' }, { type: 'message', data: 'b', lastEventId: '' }]],
  ['an ID with NUL is ignored, and its event is dispatched', 'id: 1\0\ndata: a\n\n', [{ type: 'message', data: 'a', lastEventId: '' }]],
  ['CR, LF and CRLF end lines', 'event: a\rdata: 1\r\n\r\ndata: 2\n\r', [
    { type: 'a', data: '1', lastEventId: '' }, { type: 'message', data: '2', lastEventId: '' }]],
  ['unknown fields, comments and fields with leading spaces are ignored', ':c\nfoo: x\n data: x\ndata: a\n\n', [{ type: 'message', data: 'a', lastEventId: '' }]],
  ['a byte order mark at the beginning is dropped', '\uFEFFdata: a\n\n', [{ type: 'message', data: 'a', lastEventId: '' }]],
  ['a byte order mark anywhere else is kept', 'data: a\n\n\uFEFFdata: b\n\n', [{ type: 'message', data: 'a', lastEventId: '' }]],
  ['an event without a blank line after it is not dispatched', 'data: a\n', []]
]

for (const [claim, wire, events] of CASES) {
  t.test(claim, async (t) => {
    t.strictSame(read(wire).events, events)
    t.strictSame(read(...wire).events, events, 'fed character by character')
  })
}

t.test('a retry field takes digits only', async (t) => {
  t.strictSame(read('retry: 15\nretry: 1.5\nretry: -1\nretry:\nretry: 20\n').retries, [15, 20])
})

t.test('any stream, cut anywhere, is read as the package eventsource-parser reads it whole', async (t) => {
  const line = fc.constantFrom('data: a', 'data:', 'data', 'data:  b', 'event: x', 'event', 'id: 1', 'id', 'retry: 5', ': c', '', '', 'é😀')
  const lineEnd = fc.constantFrom('\n', '\r\n', '\r')
  const streams = fc.array(fc.tuple(line, lineEnd)).map((lines) => lines.flat().join('') + '\n\n')
  fc.assert(fc.property(streams, fc.array(fc.nat(200), { maxLength: 4 }), (wire, cuts) => {
    const expected: Array<{ type: string, data: string }> = []
    createParser({ onEvent: ({ event = 'message', data }) => expected.push({ type: event, data }) }).feed(wire)
    const places = [0, ...cuts.filter((cut) => cut < wire.length).sort((a, b) => a - b), wire.length]
    const pieces = places.slice(1).map((end, index) => wire.slice(places[index], end))
    return t.strictSame(read(...pieces).events.map(({ type, data }) => ({ type, data })), expected)
  }), tries(500))
})
