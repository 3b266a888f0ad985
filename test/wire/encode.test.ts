import { inspect } from 'node:util'
import t from 'tap'
import fc from 'fast-check'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { textChunk } from '../../lib/wire/http-chunk.ts'
import { encodeComment, encodeEvent, encodeId, encodePayload, encodeRetry } from '../../lib/wire/encode.ts'
import { tries } from '../support/tries.ts'

/** Parses bytes on the wire with the package eventsource-parser. */
function parse (wire: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => events.push(event) })
  parser.feed(textChunk(wire).unframed.toString('utf8'))
  return events
}

t.test('an event of type "message" has no event field', async (t) => {
  t.equal(encodeEvent('message', 'hi'), 'data: hi\n\n')
})

t.test('a named event has its type before its data', async (t) => {
  t.equal(encodeEvent('order.updated', '{"id":1}'), 'event: order.updated\ndata: {"id":1}\n\n')
})

t.test('CR, LF and CRLF each begin one new data line', async (t) => {
  t.equal(encodeEvent('message', 'a\rb\nc\r\nd\n\re'), 'data: a\ndata: b\ndata: c\ndata: d\ndata: \ndata: e\n\n')
})

t.test('the empty string is encoded as an event with empty data', async (t) => {
  t.equal(encodeEvent('message', ''), 'data: \n\n')
  t.match(parse(encodeEvent('message', '')), [{ data: '' }])
})

t.test('a leading space of the text survives', async (t) => {
  t.match(parse(encodeEvent('message', '  two')), [{ data: '  two' }])
})

t.test('retry fields and comments end with one LF and dispatch no event', async (t) => {
  t.equal(encodeRetry(1500), 'retry: 1500\n')
  t.equal(encodeComment(''), ':\n')
  t.strictSame(parse(encodeRetry(1500) + encodeComment('still here')), [])
})

t.test('IDs, types and comments with CR, LF or NUL are refused, not repaired', async (t) => {
  for (const forbidden of ['\r', '\n', '\0']) {
    for (const value of [forbidden, `a${forbidden}`, `${forbidden}b`, `a${forbidden}b`]) {
      t.throws(() => encodeId(value), { code: 'FST_SSE_FIELD_INVALID' })
      t.throws(() => encodeEvent(value, 'x'), { code: 'FST_SSE_FIELD_INVALID' })
      t.throws(() => encodeComment(value), { code: 'FST_SSE_FIELD_INVALID' })
    }
  }
})

t.test('a payload that JSON cannot represent is refused with its event type', async (t) => {
  const cycle: { self?: object } = {}
  cycle.self = cycle
  const throws = { toJSON () { throw new Error('not today') } }
  for (const payload of [undefined, () => 1, Symbol('s'), 1n, { deep: [1n] }, cycle, throws, { toJSON: () => undefined }]) {
    t.throws(() => encodePayload('order.updated', payload, false), { code: 'FST_SSE_PAYLOAD_NOT_ENCODABLE', message: /"order\.updated"/ })
  }
  t.throws(() => encodePayload('x', throws, false), { cause: { message: 'not today' } })
})

t.test('text is encoded unchanged, everything else as one line of JSON', async (t) => {
  t.equal(encodePayload('x', 'a\n"b"', true), 'a\n"b"')
  t.equal(encodePayload('x', 'a\n"b"', false), '"a\\n\\"b\\""')
  t.equal(encodePayload('x', { a: [1, null] }, false), '{"a":[1,null]}')
})

// A failure prints its seed and the smallest counterexample.
t.test('any JSON payload is decoded as its JSON round trip', async (t) => {
  fc.assert(fc.property(fc.jsonValue(), fc.boolean(), (payload, named) => {
    const event = named ? 'e' : 'message'
    const [read, ...more] = parse(encodeEvent(event, encodePayload(event, payload, false)))
    return more.length === 0 && t.strictSame(JSON.parse(read!.data), JSON.parse(JSON.stringify(payload)))
  }), tries(300))
})

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\r', '\n', '\0', '\uFEFF', ' ', ':', 'data: ', 'id: 7', '\uD800', '\uDC00', 'é', '😀') })
)

t.test('any text is decoded unchanged, except for line ends and lone surrogates', async (t) => {
  fc.assert(fc.property(anyText, (text) => {
    const expected = Buffer.from(text).toString().replaceAll(/\r\n|\r|\n/g, '\n')
    return t.match(parse(encodeId('e.1') + encodeEvent('x', text)), [{ id: 'e.1', event: 'x', data: expected }])
  }), tries(500))
})

t.test('any consecutive events are decoded one by one', async (t) => {
  fc.assert(fc.property(fc.array(anyText, { maxLength: 5 }), (texts) => {
    const wire = texts.map((text, index) => encodeId(`e.${index}`) + encodeEvent('x', text)).join('')
    return t.equal(parse(wire).length, texts.length)
  }), tries(200))
})

t.test('a circular payload is refused without the names of its keys in message or cause', async (t) => {
  const cycle: Record<string, unknown> = {}
  cycle['hunter2@example.test'] = { deep: cycle }
  try {
    encodePayload('order.updated', cycle, false)
    t.fail('the circular payload was encoded')
  } catch (error) {
    t.notMatch(inspect(error), 'hunter2')
    t.match((error as Error).message, 'it contains a cycle')
  }
})
