import { request as ask, type IncomingHttpHeaders } from 'node:http'
import compress from '@fastify/compress'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin from '../../plugin.ts'
import { CodedReader } from './coded-reader.ts'
import { start } from './journey.ts'
import { listen, RawReader, type AfterTest } from './raw-reader.ts'

const COMPRESS = { compress: { minBytes: 100 } }
const LONG = 'the same again, '.repeat(100)

interface Head { readonly status: number, readonly headers: IncomingHttpHeaders }

/** Reads the head of a response, then disconnects. */
function headOf (t: AfterTest, port: number, headers: Record<string, string>, method = 'GET'): Promise<Head> {
  return new Promise((resolve, reject) => {
    const request = ask({ port, host: '127.0.0.1', path: '/events', method, headers, agent: false }, (response) => {
      response.on('error', () => {})
      resolve({ status: response.statusCode!, headers: response.headers })
      request.destroy()
    })
    request.on('error', reject).end()
    t.after(() => request.destroy())
  })
}

const varyOf = ({ vary = '' }: IncomingHttpHeaders): string[] => vary.toLowerCase().split(/ *, */).sort()

const TAKEN = ['gzip', 'GZIP', 'gzip, deflate, br, zstd', 'br, gzip', 'deflate, gzip;q=1.0, *;q=0.5', 'br;q=1.0, gzip;q=0.5', 'gzip;q=0.001', 'gzip, identity',
  '*', '*;q=0.5', 'identity;q=0, *', 'identity;q=0.5, gzip', 'identity;q=0, gzip', 'gzip; q=0.8', 'gzip;foo=bar']
const NOT_TAKEN = [undefined, '', 'gzip;q=0', 'gzip;q=0.0, *', '*;q=0', 'identity', 'identity, gzip;q=0.5', 'br', 'deflate', 'gzipped', 'gzip/1', ';;,,=', 'gzip;q=x', 'q=1', ',']

for (const method of ['GET', 'HEAD']) {
  t.test(`to ${method}, with \`compress\``, async (t) => {
    t.test('the response is gzip if `Accept-Encoding` allows it and does not prefer identity, and has `Vary: Accept-Encoding` either way', async (t) => {
      const { port } = await start(t, { ...COMPRESS, cors: false })
      for (const [coding, values] of [['gzip', TAKEN], [undefined, NOT_TAKEN]] as const) {
        for (const value of values) {
          const { status, headers } = await headOf(t, port, value === undefined ? {} : { 'accept-encoding': value }, method)
          t.strictSame([status, headers['content-encoding'], varyOf(headers)], [200, coding, ['accept-encoding']], `Accept-Encoding: ${value}`)
        }
      }
    })

    t.test('`Vary` keeps the values from `cors` and `headers`', async (t) => {
      const { port } = await start(t, { ...COMPRESS, cors: { origin: ['http://page.test'] }, headers: () => ({ vary: 'Cookie' }) })
      for (const value of ['gzip', 'identity']) {
        const { headers } = await headOf(t, port, { 'accept-encoding': value, origin: 'http://page.test' }, method)
        t.strictSame(varyOf(headers), ['accept-encoding', 'cookie', 'origin'])
        t.equal(headers['access-control-allow-origin'], 'http://page.test')
      }
    })
  })

  t.test(`to ${method}, without \`compress\`, the response is uncompressed and has no \`Vary\``, async (t) => {
    for (const options of [{}, { compress: false }]) {
      const { port } = await start(t, { cors: false, ...options })
      const { status, headers } = await headOf(t, port, { 'accept-encoding': 'gzip' }, method)
      t.strictSame([status, headers['content-encoding'], headers.vary], [200, undefined, undefined])
    }
  })
}

t.test('a response other than an event stream is not compressed:', async (t) => {
  const asked = 'GET /events\naccept-encoding: gzip'
  const answers: Array<[title: string, status: number, body: RegExp, options: object, request: string]> = [
    ['204', 204, /^$/, {}, `${asked}\naccept: text/event-stream\nlast-event-id: sse.final`],
    ['406', 406, /FST_SSE_NOT_ACCEPTABLE/, {}, `${asked}\naccept: text/html`],
    ['a lone reconnection time', 200, /^retry: \d+\n$/, { maxSubscribers: 0 }, `${asked}\naccept: text/event-stream`],
    ['503', 503, /FST_SSE_OVERLOADED/, { maxSubscribers: 0, overload: 'reject' }, `${asked}\naccept: text/event-stream`]
  ]
  for (const [title, status, body, options, request] of answers) {
    t.test(title, async (t) => {
      const { port } = await start(t, { ...COMPRESS, ...options })
      const reader = (await RawReader.connect(t, port)).ask(request)
      await reader.sees(({ answers: [answer] }) => answer?.complete === true)
      const [answer] = reader.answers
      t.strictSame([answer!.status, answer!.headers['content-encoding']], [status, undefined])
      t.match(answer!.body, body)
    })
  }
})

/** Broadcasts to two readers with the given `Accept-Encoding`; checks that the first gets gzip, and the second does not. */
async function checkBoth (t: Test, app: FastifyInstance, path: string, codings: readonly [string, string]): Promise<void> {
  const port = await listen(t, app)
  const [coded, plain] = await Promise.all(codings.map((accepts) => CodedReader.open(t, port, { path, accepts }))) as [CodedReader, CodedReader]
  t.strictSame([coded.coding, plain.coding], ['gzip', undefined])
  await app.sse.broadcast('message', LONG)
  for (const reader of [coded, plain]) t.strictSame((await reader.sees(({ events }) => events.length === 2)).heard(), [LONG])
  t.ok(coded.bytes.length < plain.bytes.length / 2, `${coded.bytes.length} bytes of ${plain.bytes.length}`)
  for (const subscriber of app.sse.subscribers()) subscriber.close()
  for (const reader of [coded, plain]) await reader.seesWhole()
}

t.test('a stream of an application route is compressed', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin, { ...COMPRESS, path: false })
  app.get('/own', async (_request, reply) => { await app.sse.subscribe(reply) })
  await checkBoth(t, app, '/own', ['gzip', 'identity'])
})

for (const order of ['before', 'after'] as const) {
  t.test(`with the host's @fastify/compress registered ${order} the plugin, a stream is coded once, by the plugin, or not at all`, async (t) => {
    const app = Fastify()
    if (order === 'before') await app.register(compress, { threshold: 0 })
    await app.register(ssePlugin, COMPRESS)
    if (order === 'after') await app.register(compress, { threshold: 0 })
    app.get('/plain', async () => LONG)
    await checkBoth(t, app, '/events', ['gzip, deflate, br', 'br'])
    const { headers } = await app.inject({ url: '/plain', headers: { 'accept-encoding': 'br' } })
    t.equal(headers['content-encoding'], 'br', '@fastify/compress still codes other responses')
  })
}

t.test('a host hook that sets another `Content-Encoding` changes neither the coding of a stream nor its header', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin, COMPRESS)
  app.addHook('onSend', async (_request, reply) => { reply.header('content-encoding', 'br') })
  await checkBoth(t, app, '/events', ['gzip', 'identity'])
})

for (const [title, compress, least] of [['`compress: true`', true, 256], ['`minBytes: 1000`', { minBytes: 1000 }, 1000]] as const) {
  t.test(`with ${title} an event of fewer bytes than ${least}, including its frame, is stored, and one of ${least} bytes is compressed`, async (t) => {
    const { app, port } = await start(t, { compress, heartbeatInterval: false })
    const reader = await CodedReader.open(t, port, { accepts: 'gzip' })
    const { id } = await app.sse.broadcast('message', 'frame')
    await reader.sees(({ events }) => events.length === 2)
    const frame = `id: ${id}\ndata: \n\n`.length
    for (const [n, missing] of [1, 0].entries()) {
      const before = reader.bytes.length
      const payload = 'x'.repeat(least - frame - missing)
      await app.sse.broadcast('message', payload)
      await reader.sees(({ events }) => events.length === n + 3)
      t.equal(reader.bytes.includes(payload, before), missing === 1)
    }
  })
}
