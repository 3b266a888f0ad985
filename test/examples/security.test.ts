import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { defineEvents, EVERYBODY, type SsePluginOptions } from '../../plugin.ts'
import { gate, listen, RawReader, until } from '../flows/raw-reader.ts'

// Claims of docs/security.md that no other test checks.

const ROOT = resolve(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

async function serve (t: Test, options: Omit<SsePluginOptions, 'prefix'>, app: FastifyInstance = Fastify()): Promise<{ app: FastifyInstance, port: number }> {
  await app.register(ssePlugin, options)
  return { app, port: await listen(t, app) }
}

/** Sends a request; waits for the complete response, or for the opening of a stream. */
async function ask (t: Test, port: number, request = 'GET /events'): Promise<RawReader> {
  const reader = await RawReader.connect(t, port)
  return reader.ask(request).sees(({ answers: [answer] }) => answer?.complete === true || answer?.body.includes('sse.open') === true)
}

const statusOf = async (t: Test, port: number, request?: string): Promise<number> => (await ask(t, port, request)).answers[0]!.status

t.test('a request that a hook of the route refuses gets its response alone: no callback of the plugin runs, and nothing is counted', async (t) => {
  for (const hook of ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const) {
    const called: string[] = []
    const { app, port } = await serve(t, {
      route: { [hook]: async (_request: unknown, reply: { code (status: number): { send (body: object): void } }) => reply.code(401).send({ message: 'Sign in first' }) },
      subscribe: () => { called.push('subscribe'); return {} },
      headers: () => { called.push('headers'); return {} },
      keyGenerator: () => { called.push('keyGenerator'); return 'key' },
      maxSubscribersPerKey: 1,
      onSubscribe: () => { called.push('onSubscribe') },
      onClose: () => { called.push('onClose') }
    })
    for (const further of ['', '\nlast-event-id: sse.final', '\naccept: text/html']) {
      const { answers: [answer] } = await ask(t, port, `GET /events${further}`)
      t.match(answer, { status: 401, body: '{"message":"Sign in first"}', headers: { 'content-type': ['application/json; charset=utf-8'] } }, hook)
      for (const header of ['sse-gap', 'x-accel-buffering', 'cache-control']) t.notOk(answer!.headers[header])
    }
    t.strictSame(called, [])
    t.strictSame({ count: app.sse.count(), subscribers: app.sse.stats().subscribers }, { count: 0, subscribers: 0 })
    t.ok(Object.values(app.sse.stats().closes).every((count) => count === 0))
  }
})

t.test('a reader whose right ends during the opening is found by a second check and gets no event', async (t) => {
  let isRevoked = false
  const reached = gate()
  const open = gate()
  const app = Fastify()
  app.addHook('onSend', async () => {
    reached.open()
    await open.passed
  })
  const { port } = await serve(t, {
    subscribe: () => ({ channels: [EVERYBODY, 'sign-in:1'], from: 'oldest' }),
    onSubscribe: () => { if (isRevoked) void app.sse.channel('sign-in:1').disconnect(() => true, { final: true }) }
  }, app)
  await app.sse.broadcast('message', 'secret')
  const reader = (await RawReader.connect(t, port)).ask('GET /events')
  await reached.passed
  isRevoked = true
  t.equal(await app.sse.channel('sign-in:1').disconnect(), 0, 'the first check comes too early')
  open.open()
  await reader.sees(({ answers: [answer] }) => answer?.complete === true)
  t.strictSame(reader.events.map(({ event }) => event), ['sse.open', 'sse.close'])
  t.equal(app.sse.count(), 0)
})

t.test('`disconnect` discards unwritten events, and `close` writes them', async (t) => {
  for (const [word, texts] of [['disconnect', []], ['close', ['last']]] as const) {
    const { app, port } = await serve(t, {})
    const reader = await ask(t, port)
    void app.sse.broadcast('message', 'last')
    if (word === 'disconnect') await app.sse.disconnect(() => true)
    else for (const subscriber of app.sse.subscribers()) subscriber.close()
    await reader.sees(({ answers: [answer] }) => answer?.complete === true)
    t.strictSame(reader.events.filter(({ event }) => event === undefined).map(({ data }) => data), texts, word)
  }
})

t.test('a hook that checks `Sec-Fetch-Site` keeps pages of other sites from taking places', async (t) => {
  const { app, port } = await serve(t, {
    route: { preHandler: async (request, reply) => request.headers['sec-fetch-site'] === 'cross-site' ? reply.code(403).send() : undefined }
  })
  t.equal(await statusOf(t, port, 'GET /events\nsec-fetch-site: cross-site'), 403)
  t.equal(app.sse.count(), 0)
  for (const site of ['same-origin', 'same-site', 'none']) t.equal(await statusOf(t, port, `GET /events\nsec-fetch-site: ${site}`), 200)
  t.equal(await statusOf(t, port), 200, 'programs do not send the header')
})

t.test('with a host constraint of the route, another `Host` finds no stream', async (t) => {
  const { port } = await serve(t, { route: { constraints: { host: 'localhost' } } })
  t.equal(await statusOf(t, port), 200)
  const reader = await RawReader.connect(t, port)
  reader.socket.write('GET /events HTTP/1.1\r\nhost: rebound.example\r\n\r\n')
  await reader.sees(({ bytes }) => bytes.length > 0)
  t.match(reader.bytes.toString(), /^HTTP\/1\.1 404 /)
})

t.test('CORS does not keep programs out', async (t) => {
  for (const origins of [undefined, ['https://shop.example']]) {
    const { port } = await serve(t, { cors: origins === undefined ? false : { origin: origins } })
    for (const request of ['GET /events', 'GET /events\norigin: https://evil.example']) t.match((await ask(t, port, request)).events[0], { event: 'sse.open' })
  }
})

t.test('a last event ID grants no access: a replay holds only channels of the current request', async (t) => {
  const { app, port } = await serve(t, { subscribe: (request) => ({ channels: [`user:${(request.query as { as: string }).as}`] }) })
  const { id } = await app.sse.broadcast('message', 'first', { channels: 'user:ada' })
  await app.sse.broadcast('message', 'for ada', { channels: 'user:ada' })
  await app.sse.broadcast('message', 'for bob', { channels: 'user:bob' })
  for (const brought of [id!, 'made-up', 'oldest', 'head', 'x'.repeat(1000)]) {
    const reader = await ask(t, port, `GET /events?as=bob&lastEventId=${brought}`)
    await reader.sees(({ answers: [answer] }) => answer!.body.includes('for bob'))
    t.notMatch(reader.answers[0]!.body, 'ada')
  }
  t.equal(await statusOf(t, port, `GET /events?as=bob\nlast-event-id: ${'x'.repeat(20_000)}`), 431, 'a header that is too long does not reach Fastify')
  t.equal(await statusOf(t, port, `GET /events?as=bob&lastEventId=${'x'.repeat(20_000)}`), 431, 'a URL that is too long does not reach Fastify')
})

t.test('only declared properties are sent, and no text of an error', async (t) => {
  const events = defineEvents({ user: Type.Object({ name: Type.String() }) })
  const app = Fastify()
  app.get('/stream', async (_request, reply) => {
    const subscriber = await app.sse.of(events).subscribe(reply, { channels: [] })
    await subscriber.send('user', { name: 'ada', password: 'hidden' } as { name: string })
    await subscriber.stream('user', async function * () { throw new Error('hidden') }).catch(() => {})
  })
  const { port } = await serve(t, { events }, app)
  const reader = await ask(t, port, 'GET /stream')
  await reader.sees(({ answers: [answer] }) => answer?.complete === true)
  t.strictSame(reader.events.map(({ event, data }) => [event, event === 'sse.open' ? '' : data]),
    [['sse.open', ''], ['user', '{"name":"ada"}'], ['sse.error', '{}'], ['sse.close', '{"reason":"error"}']])
  t.notMatch(reader.bytes.toString(), 'hidden')
})

t.test('one key cannot take the places of another, and its places are free again when its streams end', async (t) => {
  const { app, port } = await serve(t, { maxSubscribersPerKey: 1, keyGenerator: (request) => String(request.headers['x-user']), overload: 'reject' })
  const first = await ask(t, port, 'GET /events\nx-user: ada')
  t.equal(await statusOf(t, port, 'GET /events\nx-user: ada'), 503)
  t.equal(await statusOf(t, port, 'GET /events\nx-user: bob'), 200)
  first.socket.destroy()
  await until(() => app.sse.count() === 1)
  t.equal(await statusOf(t, port, 'GET /events\nx-user: ada'), 200)
})

t.test('docs/security.md states the defaults of docs/options.md', async (t) => {
  const rowsOf = (path: string): Map<string, string> => new Map([...read(path).matchAll(/^\| `(\w+)` \| (`.+?`|–) \|/gm)].map((match) => [match[1]!, match[2]!]))
  const options = rowsOf('docs/options.md')
  const limits = rowsOf('docs/security.md')
  t.ok(limits.size >= 8)
  for (const [option, value] of limits) t.equal(value, options.get(option), option)
})

t.test('examples/README.md has a section for every example, and its links exist', async (t) => {
  const readme = read('examples/README.md')
  const examples = readdirSync(join(ROOT, 'examples')).filter((name) => existsSync(join(ROOT, 'examples', name, 'server.ts')))
  t.ok(examples.length >= 3)
  for (const name of examples) {
    t.match(readme, `## ${name}\n`)
    t.match(readme, `npx tsx examples/${name}/server.ts`)
  }
  for (const [, link = ''] of readme.matchAll(/\]\(([^)#]+)[^)]*\)/g)) t.ok(existsSync(resolve(ROOT, 'examples', link)), link)
})
