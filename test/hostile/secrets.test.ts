import { Readable } from 'node:stream'
import Fastify, { type FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type Sse, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
import { openStream } from '../../testing/index.ts'

// Values that an application passes by mistake: no response, no error message and no log line holds any of them.

const SECRET = 'hunter2'
const USER = { name: 'Ada', passwordHash: SECRET }
/** Passed in place of every expected value. */
const WRONG: unknown[] = [
  SECRET, '', SECRET.repeat(300), `${SECRET}\r\n`, USER, [SECRET], [USER], { [SECRET]: 1 }, new Map([[SECRET, USER]]), new Set([SECRET]), new Error(SECRET),
  Object.assign(() => {}, { passwordHash: SECRET }), Symbol(SECRET), Promise.resolve(SECRET), Buffer.from(SECRET), 4_200_017,
  -4_200_017, 0.4_200_017, 4_200_017n, null, NaN
]
const SECRETS = /hunter2|104, 117|68 75 6e|4200017|passwordHash/

interface Wrong { readonly given: unknown, readonly sse: Sse, readonly reply: FastifyReply, readonly subscriber: Subscriber }

const asNever = (value: unknown): never => value as never

/** An application that logs everything. */
async function start (t: Test, options: Partial<SsePluginOptions> = {}) {
  const lines: string[] = []
  const app = Fastify({ logger: { level: 'trace', stream: { write: (line: string) => { lines.push(line) } } } })
  await app.register(ssePlugin, options)
  t.after(() => app.close())
  return { app, lines }
}

type Returning = 'subscribe' | 'keyGenerator' | 'headers'

const returns: Array<[option: Returning, title: string, of: (given: unknown) => unknown]> = [
  ['subscribe', 'itself', (given) => given],
  ['subscribe', 'channels', (channels) => ({ channels })],
  ['subscribe', 'a channel', (channel) => ({ channels: [channel, `${SECRET}\n`] })],
  ['subscribe', 'from', (from) => ({ from })],
  ['subscribe', 'expiresAt', (expiresAt) => ({ expiresAt })],
  ['keyGenerator', 'itself', (given) => given],
  ['headers', 'itself', (given) => given],
  ['headers', 'a value', (given) => ({ 'x-user': given })],
  ['headers', 'a list of values', (given) => ({ 'x-user': ['a', given] })],
  ['headers', 'a name', (given) => ({ [`${String(given)} `]: 'a' })],
  ['headers', 'a header of the stream', (given) => ({ 'content-type': given })]
]

for (const [option, title, of] of returns) {
  t.test(`neither response nor log shows a wrong value from \`${option}\` (${title})`, async (t) => {
    let given: unknown
    const { app, lines } = await start(t, { [option]: async () => of(given), ...option === 'keyGenerator' ? { maxSubscribersPerKey: 5 } : {} })
    app.addHook('onSend', async (_request, reply, payload) => reply.statusCode === 200 ? '' : payload)
    let refused = 0
    for (given of WRONG) {
      // Valid header values are sent, as they should be.
      if (option === 'headers' && title !== 'itself' && ['number', 'bigint'].includes(typeof given)) continue
      const { statusCode, body } = await app.inject('/events')
      if (statusCode === 500) refused++
      t.notMatch(body, SECRETS)
      t.notMatch(lines.splice(0).join(''), SECRETS)
    }
    t.ok(refused >= 5, `${refused}`)
  })
}

const calls: Array<[title: string, call: (wrong: Wrong) => unknown]> = [
  ['broadcast, its options', ({ sse, given }) => sse.broadcast('message', 1, asNever(given))],
  ['broadcast, channels', ({ sse, given }) => sse.broadcast('message', 1, { channels: asNever(given) })],
  ['broadcast, a channel', ({ sse, given }) => sse.broadcast('message', 1, { channels: [asNever(given), `${SECRET}\0`] })],
  ['broadcast, id', ({ sse, given }) => sse.broadcast('message', 1, { id: asNever(given) })],
  ['broadcast, id of an ephemeral event', ({ sse }) => sse.broadcast('message', 1, { id: SECRET, ephemeral: true })],
  ['broadcast, ephemeral', ({ sse, given }) => sse.broadcast('message', 1, { ephemeral: asNever(given) })],
  ['broadcast of a channel, its options', ({ sse, given }) => sse.channel('a').broadcast('message', 1, asNever(given))],
  ['channel', ({ sse, given }) => sse.channel(asNever([given]))],
  ['channel, its name', ({ sse, given }) => sse.channel(asNever(typeof given === 'symbol' ? given : `${String(given)}\n`))],
  ['subscribe, its reply', ({ sse, given }) => sse.subscribe(asNever(given))],
  ['subscribe, its options', async ({ sse, reply, given }) => (await sse.subscribe(reply, asNever(given))).close()],
  ['subscribe, channels', async ({ sse, reply, given }) => (await sse.subscribe(reply, { channels: asNever(given) })).close()],
  ['of', ({ sse, given }) => sse.of(asNever(typeof given === 'object' && !Array.isArray(given) ? [given] : given))],
  ['setReconnectionTime', ({ sse, given }) => sse.setReconnectionTime(asNever(typeof given === 'number' ? -Math.abs(given) : given))],
  ['setReconnectionTime, min', ({ sse, given }) => sse.setReconnectionTime({ min: asNever(given), max: -1 })],
  ['disconnect, its predicate', ({ sse, given }) => sse.disconnect(asNever(given))],
  ['disconnect, what its predicate gives', ({ sse, given }) => sse.disconnect(() => asNever(given))],
  ['disconnect, its options', ({ sse, given }) => sse.disconnect(() => false, asNever(given))],
  ['disconnect, final', ({ sse, given }) => sse.disconnect(() => false, { final: asNever(given) })],
  ['join', ({ subscriber, given }) => subscriber.join(asNever([given]))],
  ['close, its options', ({ subscriber, given }) => subscriber.close(asNever(given))],
  ['close, final', ({ subscriber, given }) => subscriber.close({ final: asNever(given) })],
  ['stream, its source', ({ subscriber, given }) => subscriber.stream('message', asNever(given), { end: false })],
  ['stream, the result of its source', ({ subscriber, given }) => subscriber.stream('message', async () => asNever(given), { end: false })],
  ['stream, its options', ({ subscriber, given }) => subscriber.stream('message', () => Readable.from([]), asNever(given))],
  ['stream, end', ({ subscriber, given }) => subscriber.stream('message', () => Readable.from([]), { end: asNever(given) })]
]

for (const [title, call] of calls) {
  t.test(`no message shows a wrong value given to ${title}`, async (t) => {
    const { app, lines } = await start(t)
    let given: unknown
    let subscriber: Subscriber | undefined
    app.get('/call', async (_request, reply) => {
      await call({ given, sse: app.sse, reply, subscriber: subscriber! })
      return 'done'
    })
    app.get('/own', async (_request, reply) => { subscriber = await app.sse.subscribe(reply) })
    const stream = await openStream(app, '/own')
    let refused = 0
    for (given of WRONG) {
      const { body, statusCode } = await app.inject('/call')
      if (statusCode === 500 || title.includes('predicate gives')) refused++
      t.notMatch(body, SECRETS)
    }
    t.notMatch(lines.join(''), SECRETS)
    t.ok(refused >= 5, `${refused}`)
    await stream.close()
  })
}

t.test('an error at registration shows the wrong value, because only the developer reads it', async (t) => {
  const wrong: Array<[options: object, message: RegExp]> = [
    [{ path: 'events' }, /"path" must be .*; it is 'events'$/],
    [{ history: { maxEvents: -7 } }, /"history\.maxEvents" must be .*; it is -7$/],
    [{ history: { maxEvnts: 7 } }, /"history\.maxEvnts" is unknown; valid keys: maxEvents, /],
    [{ subscribe: { channels: ['a'] } }, /"subscribe" must be a function; it is \{ channels: \[ 'a' \] \}$/]
  ]
  for (const [options, message] of wrong) await t.rejects(async () => Fastify().register(ssePlugin, options), { message })
})
