import Fastify from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SubscribeOptions } from '../../plugin.ts'
import { openStream, start, type Journey } from './journey.ts'
import { NumberedReader, numbered } from './numbered-reader.ts'
import { gate, RawReader, turn, until } from './raw-reader.ts'

const bodyOf = (reader: RawReader): string => reader.answers[0]!.body

t.test('with `heartbeatEvent: false` a silent stream gets comment lines at intervals', async (t) => {
  const { port } = await start(t, { heartbeatInterval: 50, heartbeatEvent: false })
  const reader = await openStream(t, port)
  await reader.sees((reader) => /\n\n(:\n){3,}$/.test(bodyOf(reader)))
  t.match(bodyOf(reader), /^retry: \d+\nid: \S+\nevent: sse\.open\ndata: \{"heartbeatInterval":50,"heartbeatEvent":false\}\n\n(:\n)+$/)
  t.equal(reader.events.length, 1, 'comment lines are no events')
})

t.test('an event after a comment line arrives intact', async (t) => {
  const { app, port } = await start(t, { heartbeatInterval: 50, heartbeatEvent: false })
  const reader = await openStream(t, port)
  await reader.sees((reader) => bodyOf(reader).endsWith(':\n'))
  const { id } = await app.sse.broadcast('message', 'after')
  await reader.seesEvents(undefined)
  t.strictSame(reader.events.at(-1), { id, event: undefined, data: 'after' })
})

t.test('a heartbeat is by default an `sse.heartbeat` event that leaves the last event ID unchanged', async (t) => {
  const { app, port } = await start(t, { heartbeatInterval: 50 })
  const reader = await openStream(t, port)
  await reader.seesEvents('sse.heartbeat', 2)
  t.match(bodyOf(reader), /\}\n\n(event: sse\.heartbeat\ndata: \{\}\n\n)+$/)
  t.equal(app.sse.lastEventId, reader.events[0]!.id)
})

t.test('`sse.open` announces the heartbeat interval and whether heartbeats are events', async (t) => {
  for (const [heartbeatInterval, said] of [
    [undefined, '15000,"heartbeatEvent":true'], [false, 'false,"heartbeatEvent":false'], [Infinity, 'false,"heartbeatEvent":false'],
    [1234, '1234,"heartbeatEvent":true']
  ] as const) {
    const { port } = await start(t, { heartbeatInterval })
    t.match(bodyOf(await openStream(t, port)), `data: {"heartbeatInterval":${said}}\n\n`)
  }
})

t.test('heartbeats do not pile up on a pipelined stream that waits for its turn', async (t) => {
  const { port, opened } = await start(t, { heartbeatInterval: 20, heartbeatEvent: false })
  const reader = await RawReader.connect(t, port)
  reader.ask('GET /events', 'GET /events')
  await reader.sees(({ answers: [first] }) => /(:\n){20}/.test(first?.body ?? ''))
  opened[0]!.close()
  await reader.sees(({ answers: [, second] }) => /sse\.open\ndata: .*\n\n/.test(second?.body ?? ''))
  t.notMatch(reader.answers[1]!.body, /:\n:\n:\n/)
})

t.test('an idle stream ends cleanly with a `retry`, and its reader misses no event when it reconnects', async (t) => {
  const { app, port, closes } = await start(t, { idleTimeout: 100, heartbeatInterval: 10, reconnectionTime: { min: 7000, max: 8000 } })
  const reader = await RawReader.connect(t, port)
  reader.ask('GET /events')
  await reader.sees(({ answers }) => answers[0]?.complete === true)
  t.match(bodyOf(reader), /\n(event: sse\.heartbeat\ndata: \{\}\n\n)*retry: 7\d\d\d\n$/)
  t.strictSame(closes, ['idle'])
  await app.sse.broadcast('message', 'meanwhile')
  const { id } = reader.events[0]!
  reader.ask(`GET /events\nlast-event-id: ${id}`)
  await reader.sees(({ answers }) => answers[1]?.body.includes('data: meanwhile\n\n') === true)
  t.notMatch(reader.answers[1]!.body, 'sse.gap')
})

t.test('a reader that reconnects after every `maxLifetime` gets every event once', async (t) => {
  const { app, port, closes } = await start(t, { maxLifetime: 60 })
  const reader = new NumberedReader(port).connect()
  await until(() => reader.opens === 1)
  let number = 0
  const timer = setInterval(() => { void app.sse.broadcast('message', numbered(++number)) }, 2)
  t.after(() => clearInterval(timer))
  while (closes.length < 5) {
    await until(() => reader.complete)
    reader.cut()
    reader.connect({ by: 'header' })
  }
  clearInterval(timer)
  while (reader.last !== number) {
    if (reader.complete || reader.closed) reader.connect({ by: 'header' })
    await turn()
  }
  t.strictSame([...new Set(closes)], ['lifetime'])
  t.strictSame([reader.faults, reader.gaps, reader.first, reader.count], [[], [], 1, number])
})

t.test('a stream with `expiresAt`', async (t) => {
  const startExpiring = (t: Test, subscribe: () => SubscribeOptions): Promise<Journey> => start(t, { subscribe, stallTimeout: 200 })

  t.test('ends cleanly at that time, and the hooks of the route decide again when its reader reconnects', async (t) => {
    const visits: number[] = []
    const { app, port, closes, opened } = await start(t, {
      stallTimeout: 200,
      route: { preHandler: async (_request, reply) => visits.push(1) > 1 ? reply.code(401).send('who?') : undefined },
      subscribe: () => ({ expiresAt: new Date(Date.now() + 1000) })
    })
    const reader = await openStream(t, port)
    await app.sse.broadcast('message', 'in time')
    await reader.seesEvents(undefined)
    const at = Date.now()
    await reader.sees(({ answers }) => answers[0]!.complete)
    t.ok(Date.now() - at < 3000, 'soon after `expiresAt`')
    t.strictSame(closes, ['expired'])
    t.equal(await opened[0]!.closed, 'expired')
    await reader.ask('GET /events').sees(({ answers }) => answers[1]?.complete === true)
    t.equal(reader.answers[1]!.status, 401)
  })

  t.test('gets `sse.open` and nothing else if that time has passed', async (t) => {
    const { app, port, closes } = await startExpiring(t, () => ({ from: 'oldest', expiresAt: new Date(Date.now() - 1) }))
    await app.sse.broadcast('message', 'not for it')
    const reader = (await RawReader.connect(t, port)).ask('GET /events')
    await reader.sees(({ answers }) => answers[0]?.complete === true)
    t.strictSame(reader.events.map(({ event }) => event), ['sse.open'])
    t.strictSame(closes, ['expired'])
  })

  t.test('does not end early, however distant that time is', async (t) => {
    const { app, port } = await startExpiring(t, () => ({ expiresAt: new Date(8.64e15) }))
    const reader = await openStream(t, port)
    const ticks = gate()
    setTimeout(() => ticks.open(), 100)
    await ticks.passed
    await app.sse.broadcast('message', 'still there')
    await reader.seesEvents(undefined)
  })
})

t.test('the clock does not keep the process alive', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin, { path: false })
  await app.ready()
  const timers = (process.getActiveResourcesInfo() as string[]).filter((name) => name === 'Timeout').length
  await app.close()
  t.equal((process.getActiveResourcesInfo() as string[]).filter((name) => name === 'Timeout').length, timers)
})

t.test('a stream with an active source outlives `maxLifetime` and `idleTimeout` and gets every item', async (t) => {
  const released = gate()
  const { port, closes } = await start(t, {
    maxLifetime: 40,
    idleTimeout: 40,
    heartbeatInterval: 20,
    heartbeatEvent: false,
    onSubscribe: (subscriber) => {
      void subscriber.stream('message', async function * () {
        yield 'first'
        await released.passed
        yield 'last'
      })
    }
  })
  const reader = await openStream(t, port)
  // More than twice as long as either limit.
  await reader.sees((reader) => /(:\n){6}/.test(bodyOf(reader)))
  released.open()
  await reader.sees(({ answers }) => answers[0]!.complete)
  t.strictSame(reader.events.map(({ event, data }) => event ?? data), ['sse.open', 'first', 'last', 'sse.close'])
  t.strictSame(closes, ['ended'])
})

t.test('twenty concurrent sources cause no warning about a leak of listeners', async (t) => {
  const warnings: Error[] = []
  const warned = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', warned)
  t.after(() => process.off('warning', warned))
  const { port, opened } = await start(t)
  const reader = await openStream(t, port)
  const streams = Array.from({ length: 20 }, (_, n) => opened[0]!.stream('message', async function * () { yield String(n) }, { end: false }))
  await Promise.all(streams)
  await reader.seesEvents(undefined, 20)
  for (let n = 0; n < 5; n++) await turn()
  t.strictSame(warnings, [])
})

t.test('`idleTimeout` starts again when a source ends and leaves its stream open', async (t) => {
  const { port, closes } = await start(t, {
    maxLifetime: false,
    idleTimeout: 300,
    onSubscribe: async (subscriber) => {
      await subscriber.stream('message', async function * () {
        const waited = gate()
        setTimeout(() => waited.open(), 600)
        await waited.passed
        yield * []
      }, { end: false })
      await new Promise((resolve) => setTimeout(resolve, 100))
      await subscriber.send('message', 'one more')
    }
  })
  const reader = (await RawReader.connect(t, port)).ask('GET /events')
  await reader.sees(({ answers }) => answers[0]?.complete === true)
  t.equal(reader.events.at(-1)!.data, 'one more')
  t.strictSame(closes, ['idle'])
})
