import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import ssePlugin from '../../plugin.ts'
import { holding, openStream, start } from './journey.ts'
import { gate, listen, RawReader, turn, until } from './raw-reader.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

t.test('an open stream retains neither its reply nor its request', async (t) => {
  // No logger and no `onResponse` hook: for either of them Fastify itself retains both objects.
  const app = Fastify()
  await app.register(ssePlugin)
  const refs: Array<WeakRef<object>> = []
  app.get('/own', async (request, reply) => {
    refs.push(new WeakRef(reply), new WeakRef(request))
    await app.sse.subscribe(reply)
  })
  const port = await listen(t, app)
  for (let i = 0; i < 10; i++) await openStream(t, port, 'GET /own')
  const held = (): number => refs.filter((ref) => ref.deref() !== undefined).length
  // The last reply and request may still be referenced somewhere.
  for (let i = 0; i < 20 && held() > 2; i++) {
    await turn()
    collectGarbage()
  }
  t.ok(held() <= 2, `${held()} of ${refs.length}`)
  t.equal(app.sse.count(), 10)
})

t.test('events older than `maxAge` are freed although no further event is broadcast', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin, { history: { maxAge: 200, maxBytes: 64 * 1024 * 1024 } })
  await listen(t, app)
  const held = (): number => {
    collectGarbage()
    return process.memoryUsage().arrayBuffers
  }
  const before = held()
  for (let n = 0; n < 40; n++) await app.sse.broadcast('message', 'x'.repeat(500_000))
  t.ok(held() > before + 18_000_000)
  await until(() => held() < before + 2_000_000)
})

for (const hangs of ['subscribe', 'keyGenerator', 'headers'] as const) {
  t.test(`an opening whose reader has left ends although \`${hangs}\` never settles, and retains neither request nor reply`, async (t) => {
    const refs: Array<WeakRef<object>> = []
    // The application retains the promises that it gave, and nothing else.
    const given: Array<Promise<never>> = []
    const rejects: Array<(error: Error) => void> = []
    const hang = (request: object): Promise<never> => {
      refs.push(new WeakRef(request))
      const promise = new Promise<never>((_resolve, reject) => { rejects.push(reject) })
      given.push(promise)
      return promise
    }
    const { app, port, opened, closes, sockets, errors } = await start(t, {
      shutdownTimeout: 60_000,
      [hangs]: hang,
      ...hangs === 'keyGenerator' ? { maxSubscribersPerKey: 1 } : {},
      route: { preHandler: async (_request, reply) => { refs.push(new WeakRef(reply)) } }
    })
    for (let i = 0; i < 10; i++) {
      const reader = (await RawReader.connect(t, port)).ask('GET /events')
      await until(() => given.length === i + 1)
      reader.socket.destroy()
    }
    await until(() => sockets.every(({ destroyed }) => destroyed))
    // The server has no connection left, and waits for no opening.
    await app.close()
    sockets.length = 0
    const held = (): number => refs.filter((ref) => ref.deref() !== undefined).length
    for (let i = 0; i < 20 && held() > 2; i++) {
      await turn()
      collectGarbage()
    }
    t.ok(held() <= 2, `${held()} of ${refs.length}`)
    // A late rejection must not become an unhandled one.
    for (const reject of rejects) reject(new Error('late'))
    await turn()
    t.strictSame([opened, closes, errors, given.length], [[], [], [], 10])
  })
}

t.test('`subscribe` resolves with a closed subscriber if the reader left meanwhile', async (t) => {
  const reasons: unknown[] = []
  const over = gate()
  const prepare = (app: FastifyInstance): void => {
    app.get('/own', async (_request, reply) => {
      const { closed, channels, signal } = await app.sse.subscribe(reply, { channels: ['a'] })
      reasons.push(await closed, channels, signal.aborted)
      over.open()
    })
  }
  const { entered, hook } = holding()
  const { port, closes } = await start(t, { headers: async () => { await hook(); return {} } }, { prepare })
  const reader = (await RawReader.connect(t, port)).ask('GET /own')
  await entered
  reader.socket.destroy()
  await over.passed
  t.strictSame([reasons, closes], [['reader', ['a'], true], []])
})

t.test('listeners of the application on a response and on its payload stay attached', async (t) => {
  const heard: string[] = []
  const over = gate()
  const prepare = (app: FastifyInstance): void => {
    app.addHook('onSend', async (_request, reply, payload) => {
      const stream = payload as NodeJS.ReadableStream
      stream.on('close', () => heard.push('the payload closed'))
      stream.on('end', () => heard.push('the payload ended'))
      reply.raw.on('finish', () => heard.push('finished'))
      reply.raw.on('close', () => heard.push('closed'))
    })
    app.get('/own', async (_request, reply) => {
      reply.raw.once('close', () => heard.push('closed, said before it opened'))
      const subscriber = await app.sse.subscribe(reply)
      reply.raw.once('close', () => {
        heard.push('closed, said after it opened')
        over.open()
      })
      subscriber.close()
    })
  }
  const onSubscribe = (_subscriber: unknown, { raw }: { raw: NodeJS.EventEmitter }): void => { raw.on('close', () => heard.push('the request closed')) }
  const journey = await start(t, { onSubscribe }, { prepare })
  await openStream(t, journey.port, 'GET /own')
  await over.passed
  t.strictSame(heard.sort(), [
    'closed', 'closed, said after it opened', 'closed, said before it opened', 'finished', 'the payload closed', 'the payload ended', 'the request closed'
  ])
  t.strictSame(journey.closes, ['ended'])
})

t.test('Fastify keeps no listeners on the response of an open stream', async (t) => {
  const counts: number[] = []
  const count = (response: NodeJS.EventEmitter): number => response.eventNames().reduce((sum, event) => sum + response.listenerCount(event), 0)
  const opened = gate()
  const prepare = (app: FastifyInstance): void => {
    app.get('/own', async (_request, reply) => {
      counts.push(count(reply.raw))
      await app.sse.subscribe(reply)
      counts.push(count(reply.raw))
      opened.open()
    })
  }
  const journey = await start(t, {}, { prepare })
  await openStream(t, journey.port, 'GET /own')
  await opened.passed
  t.equal(counts[1], counts[0]! + 2, 'the plugin\'s two: for its end, and for errors')
})
