import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import t from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { until } from '../flows/raw-reader.ts'
import { start } from './server.ts'
import { TwoOpinions } from './two-opinions.ts'

type Declarations = NonNullable<SsePluginOptions['events']>

const asName = (value: unknown): string => value as string

/** Valid names. */
const taken = ['__proto__', 'toString', 'constructor', 'hasOwnProperty', 'valueOf', 'prototype', 'then', 'close', 'message', 'Message', 'OPEN', 'Error', 'errors', 'opened', 'sse',
  'Sse.x', ' sse.x', 'xsse.x', ' ', ' a', 'a ', ':', 'data', 'data: x', 'id', 'a: b', 'event', '\uFEFF', '\uFEFFa', '\u2028', '\x85', '\x01', '\t', 'é', '😀', '*', '0', '-1', 'null', 'undefined', 'x'.repeat(10_000)]

/** Names that the wire format, EventSource or the plugin cannot carry. */
const refused = ['', 'a\nb', 'a\rb', 'a\r\nb', '\n', '\r', 'a\0', 'a\n\ndata: evil', 'open', 'error', 'sse.', 'sse.x', 'sse.open', 'sse.close', 'sse.message', '\uD800', 'a\uDC00', '\uDC00\uD800']

/** Values other than strings. */
const others = [undefined, null, 0, 1n, true, Symbol('message'), Symbol.iterator, ['message'], { toString: () => 'message' }, { toString () { throw new Error('not today') } }, Object.create(null),
  () => 'message', Object('message'), new Proxy({}, { get () { throw new Error('not today') } })]

for (const declared of [true, false]) {
  const where = declared ? 'declared' : 'undeclared'
  t.test(`${where} events`, async (t) => {
    // Not an object literal: `__proto__` would not become a key of it.
    const events = Object.fromEntries(taken.map((name) => [name, Type.Object({ name: Type.String() })])) as Declarations
    const server = await start(t, declared ? { events } : {})
    const { app, opened, logged, port } = server
    const reader = await TwoOpinions.open(t, port)

    t.test('whose names only look dangerous arrive under these names, by `broadcast` and by `send`', async (t) => {
      for (const type of taken) {
        const { id } = await app.sse.broadcast(type, { name: type })
        t.ok(await opened[0]!.send(type, { name: type }))
        t.same([await reader.next(), await reader.next()], Array(2).fill({ type, data: JSON.stringify({ name: type }), lastEventId: id }))
      }
    })

    t.test('with invalid names are rejected with a code and not delivered', async (t) => {
      const code = declared ? 'FST_SSE_EVENT_UNKNOWN' : 'FST_SSE_EVENT_INVALID'
      for (const name of refused) {
        await t.rejects(app.sse.broadcast(name, { name: 'x' }), { code }, JSON.stringify(name))
        await t.rejects(opened[0]!.send(name, { name: 'x' }), { code }, JSON.stringify(name))
      }
      t.equal(logged.splice(0).length, 2 * refused.length)
      await app.sse.broadcast('message', { name: 'next' })
      t.equal((await reader.next()).data, '{"name":"next"}')
    })

    t.test('with names that are not strings are rejected with a code and not delivered', async (t) => {
      for (const [n, name] of others.entries()) {
        await t.rejects(app.sse.broadcast(asName(name), { name: 'x' }), { code: 'FST_SSE_EVENT_UNKNOWN' }, `${n}`)
        await t.rejects(opened[0]!.send(asName(name), { name: 'x' }), { code: 'FST_SSE_EVENT_UNKNOWN' }, `${n}`)
      }
      t.equal(logged.splice(0).length, 2 * others.length)
      await app.sse.broadcast('message', { name: 'next' })
      t.equal((await reader.next()).data, '{"name":"next"}')
    })

    t.test('of all these kinds leave `Object.prototype` and the server intact', async (t) => {
      reader.leave()
      await until(() => app.sse.count() === 0)
      t.notOk('name' in {})
      await app.close()
    })
  })
}

t.test('a declaration with an invalid event name is refused at registration', async (t) => {
  for (const name of refused) {
    const events = Object.fromEntries([[name, Type.String()]])
    await t.rejects(async () => { await Fastify().register(ssePlugin, { events }) }, { code: 'FST_SSE_EVENT_INVALID' }, JSON.stringify(name))
  }
})

t.test('a property that the declarations only inherit declares no event', async (t) => {
  const { app } = await start(t, { events: Object.create({ inherited: Type.String() }) })
  await t.rejects(app.sse.broadcast('inherited', 'x'), { code: 'FST_SSE_EVENT_UNKNOWN' })
})
