import { Type } from '@sinclair/typebox'
import fc from 'fast-check'
import t from 'tap'
import { plainForm, PLAIN, type StreamForm } from '../../lib/wire/stream-form.ts'
import { defineEvents } from '../../plugin.ts'
import { tries } from '../support/tries.ts'
import type { GatedWriter } from '../support/fan-out.ts'
import { createRun, settled } from './reading.ts'

// Readers attach at every moment of a run, read at their own pace, are cut off, and come back with the last event ID that they have seen. A
// plain list of what was published tells what each must have in the end.

const events = defineEvents({
  word: { schema: Type.String(), merge: (older, newer) => older + newer },
  sum: { schema: Type.Object({ n: Type.Number() }), merge: (older, newer) => newer.n % 3 === 0 ? undefined : { n: older.n + newer.n } },
  note: Type.String()
})

type Published = readonly [event: 'word' | 'note', data: string] | readonly [event: 'sum', data: { n: number }]

type Step =
  | { readonly do: 'publish', readonly item: Published }
  | { readonly do: 'attach', readonly form: number, readonly room: number }
  | { readonly do: 'drain' | 'cut', readonly reader: number, readonly room: number }
  | { readonly do: 'settle' }

const FORMS = [undefined, PLAIN, plainForm('[DONE]')] as const

const text = fc.oneof(fc.constantFrom('a', 'b\nc', '\r\n', '', ' ', 'ü€𝄞'), fc.string({ maxLength: 8 }).map((value) => value.replaceAll('\r', '')))
const item: fc.Arbitrary<Published> = fc.oneof(
  { weight: 6, arbitrary: text.map((data) => ['word', data] as const) },
  { weight: 3, arbitrary: fc.nat(9).map((n) => ['sum', { n }] as const) },
  { weight: 1, arbitrary: text.map((data) => ['note', data] as const) }
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: item.map((item): Step => ({ do: 'publish', item })) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('attach' as const), form: fc.nat(2), room: fc.constantFrom(1, 2, Infinity) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('drain' as const, 'cut' as const), reader: fc.nat(5), room: fc.constantFrom(1, 3, Infinity) }) },
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'settle' }) }
)

interface Reader {
  readonly form: StreamForm | undefined
  /** The stream that is open; undefined: the reader was told that it has everything. */
  stream: { readonly writer: GatedWriter, lives: boolean } | undefined
  readonly received: Array<{ readonly type: string, readonly data: string, readonly id: string }>
  lastEventId: string | undefined
  isTold: boolean
}

/** What a list of events says, whatever was merged. */
function meaning (list: ReadonlyArray<{ readonly type: string, readonly data: string }>): string[] {
  const said: string[] = []
  let last = ''
  for (const { type, data } of list) {
    const value = type === 'sum' ? `+${(JSON.parse(data) as { n: number }).n}` : data
    if (type === 'word' && last === 'word') said.push(`${said.pop()!}${value}`)
    else if (type === 'sum' && last === 'sum') said.push(`+${Number(said.pop()!) + Number(value)}`)
    else said.push(value)
    last = type
  }
  return said
}

async function play (steps: readonly Step[], pages: boolean): Promise<void> {
  const journey = await createRun(events, { maxBytes: pages ? 64 * 1024 : 4 * 1024 * 1024 })
  const published: Published[] = []
  const readers: Reader[] = []
  const collect = (reader: Reader): void => {
    for (const { type, data, lastEventId } of reader.stream?.writer.events.splice(0) ?? []) {
      if (type.startsWith('sse.') || data === '[DONE]') reader.isTold ||= type === 'sse.close' || data === '[DONE]'
      else reader.received.push({ type, data, id: lastEventId })
      reader.lastEventId = lastEventId === '' ? reader.lastEventId : lastEventId
    }
  }
  const attach = (reader: Reader, room: number): void => {
    const opened = journey.read(reader.lastEventId, reader.form)
    reader.stream = opened && { writer: opened.writer, lives: true }
    if (opened === undefined) reader.isTold = true
    else opened.writer.room = room
  }
  for (const step of steps) {
    if (step.do === 'publish') {
      published.push(step.item)
      await journey.item(step.item[0], step.item[1])
    } else if (step.do === 'attach') {
      const reader: Reader = { form: FORMS[step.form], stream: undefined, received: [], lastEventId: undefined, isTold: false }
      attach(reader, step.room)
      readers.push(reader)
    } else if (step.do === 'settle') {
      await settled()
    } else {
      const reader = readers[step.reader % Math.max(1, readers.length)]
      if (reader?.stream === undefined) continue
      if (step.do === 'drain') reader.stream.writer.drain(step.room)
      else {
        collect(reader)
        reader.stream.writer.destroy()
        attach(reader, step.room)
      }
    }
  }
  await journey.end('done')
  // One attaches after the end, and one was cut off just before it was told.
  readers.push({ form: undefined, stream: undefined, received: [], lastEventId: undefined, isTold: false })
  attach(readers.at(-1)!, Infinity)
  for (const reader of readers) {
    for (let turns = 0; !reader.isTold && turns < 10; turns++) {
      reader.stream?.writer.drain()
      await settled()
      collect(reader)
      if (reader.stream?.writer.state === 'ended' && reader.form === PLAIN) reader.isTold = true
    }
  }
  const expected = published.map(([type, data]) => ({ type, data: type === 'sum' ? JSON.stringify(data) : (data as string).replaceAll('\r\n', '\n') }))
  const said = JSON.stringify(meaning(expected))
  for (const [at, reader] of readers.entries()) {
    if (!reader.isTold) throw new Error(`reader ${at} was not told of the end`)
    if (JSON.stringify(meaning(reader.received)) !== said) throw new Error(`reader ${at} has ${JSON.stringify(reader.received)}`)
    const numbers = reader.received.map(({ id }) => Number(id.split('.')[1]))
    if (numbers.some((number, at) => at > 0 && number <= numbers[at - 1]!)) throw new Error(`reader ${at} has the IDs ${numbers.join(' ')}`)
    const last = numbers.at(-1) ?? 0
    if (last !== published.length) throw new Error(`reader ${at} has the items up to ${last} of ${published.length}`)
  }
}

t.test('every reader has each item once, in order, then the end, whenever it attached and however often it was cut off', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), fc.boolean(), play), tries(300))
  t.pass()
})

t.test('a reader that resumes from any ID of a run gets exactly the rest, merged or not', async (t) => {
  const journey = await createRun(events)
  const words = Array.from({ length: 50 }, (_, n) => `w${n} `)
  for (const word of words) await journey.item('word', word)
  await journey.end('done')
  const { key } = journey.terms
  for (let from = 0; from <= 50; from++) {
    const { writer } = journey.read(`${key}.${from}`)!
    await settled()
    t.strictSame(writer.events.filter(({ type }) => type === 'word').map(({ data, lastEventId }) => [data, lastEventId]),
      from === 50 ? [] : [[words.slice(from).join(''), `${key}.50`]])
    t.equal(writer.events.at(-1)!.data, '{"reason":"ended","status":"done"}')
  }
})

t.test('a reader whose socket was full gets what came meanwhile merged, and each item from then on', async (t) => {
  const journey = await createRun(events)
  const { writer } = journey.read(undefined)!
  writer.room = 1
  for (const word of ['a', 'b', 'c']) {
    await journey.item('word', word)
    await settled()
  }
  writer.drain()
  for (const word of ['d', 'e']) await journey.item('word', word)
  await settled()
  t.strictSame(writer.events.map(({ data }) => data), ['a', 'bc', 'd', 'e'])
})

t.test('a source that never waits is no faster than readers whose sockets accept everything, however many there are', async (t) => {
  const journey = await createRun(events, { maxBytes: 256 * 1024 })
  const readers = Array.from({ length: 100 }, () => journey.read(undefined)!)
  const payload = 'x'.repeat(1000)
  const status = await journey.producer('note').produce('note', async function * () { for (let n = 0; n < 2000; n++) yield payload })
  t.equal(status, 'done')
  await journey.end('done')
  for (let turns = 0; readers.some(({ writer }) => writer.state === 'open') && turns < 1000; turns++) await settled()
  t.strictSame(new Set(readers.map(({ writer }) => writer.events.filter(({ type }) => type === 'note').length)), new Set([2000]))
})

t.test('one write takes little more than 64 KiB, however small the items are', async (t) => {
  for (const text of ['', 'x', 'x'.repeat(1000)]) {
    const journey = await createRun(events)
    for (let n = 0; n < 20_000; n++) await journey.item('note', text)
    const { writer } = journey.read(undefined)!
    await journey.end('done')
    for (let turns = 0; writer.state === 'open' && turns < 1000; turns++) await settled()
    t.equal(writer.events.filter(({ type }) => type === 'note').length, 20_000 - (journey.run.replica.log!.first - 1))
    t.ok(writer.writes.every(({ length }) => length < 64 * 1024 + 2000), String(Math.max(...writer.writes.map(({ length }) => length))))
  }
})

t.test('the names of events count as memory of a run', async (t) => {
  const journey = await createRun(events, { maxBytes: 256 * 1024 })
  for (let n = 0; n < 2000; n++) await journey.item(`${n} ${'x'.repeat(1000)}`, 'x')
  const log = journey.run.replica.log!
  t.ok((log.head - log.first) * 1000 <= log.bytes)
  t.ok(log.bytes <= 256 * 1024)
  t.ok(log.head - log.first > 100)
})

t.test('a process that has missed records of a run forgets it, and sends its readers away to come back', async (t) => {
  const journey = await createRun(events)
  const readers = [journey.read(undefined)!, journey.read(undefined, PLAIN)!]
  await journey.item('note', 'a')
  await settled()
  const { epoch, offset } = journey.run.replica.oldest
  journey.run.replica.lose({ epoch, offset: offset + 10 })
  await settled()
  t.equal(journey.forgotten(), 1)
  // No `sse.close`: they are to come back.
  t.strictSame(readers.map(({ writer: { events } }) => events.at(-1)!.data), ['a', 'a'])
  t.strictSame(readers.map(({ writer: { state } }) => state), ['ended', 'destroyed'])
})

t.test('the order of a run is closed once', async (t) => {
  const { run, order } = await createRun(events)
  const close = order.close.bind(order)
  let closes = 0
  order.close = (timeout) => {
    closes++
    return close(timeout)
  }
  await Promise.all([run.close(0), run.close(0)])
  t.equal(closes, 1)
})
