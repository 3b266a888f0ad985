import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { Clock, type Times } from '../../lib/time/clock.ts'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { advance, openStream } from '../../testing/index.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

async function start (t: Test, options: SsePluginOptions = {}) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ssePlugin, options)
  return { app, stream: await openStream(app, '/events') }
}

for (const [reason, options] of Object.entries({
  lifetime: { maxLifetime: HOUR },
  idle: { idleTimeout: HOUR },
  expired: { subscribe: () => ({ expiresAt: new Date(Date.now() + 1.09 * HOUR) }) }
}) as Array<['lifetime' | 'idle' | 'expired', SsePluginOptions]>) {
  t.test(`an hour that a test lets pass ends a stream as an hour does: ${reason}`, async (t) => {
    const { app, stream } = await start(t, options)
    await advance(app, 0.75 * HOUR)
    t.equal(stream.ended, false)
    await advance(app, 0.35 * HOUR + 1000)
    t.equal(stream.ended, true)
    t.equal(app.sse.stats().closes[reason], 1)
  })
}

t.test('a stream of a moved clock is as old as it was open', async (t) => {
  const { app, stream: early } = await start(t, { maxLifetime: HOUR, subscribe: () => ({ expiresAt: new Date(Date.now() + 2 * HOUR) }) })
  await advance(app, 0.7 * HOUR)
  const late = await openStream(app, '/events')
  await advance(app, 0.4 * HOUR)
  t.strictSame([early.ended, late.ended], [true, false])
})

t.test('heartbeats of the time that passed arrive, as many as in real time', async (t) => {
  const { app, stream } = await start(t, { heartbeatInterval: 15_000, heartbeatEvent: true })
  await advance(app, 10 * MINUTE)
  await app.close()
  let heartbeats = 0
  while (await stream.next('sse.heartbeat').catch(() => false)) heartbeats++
  t.ok(heartbeats >= 40 && heartbeats <= 54, `${heartbeats} heartbeats`)
})

t.test('events become too old for `maxAge`, and those after them do not', async (t) => {
  const { app, stream } = await start(t, { history: { maxAge: MINUTE } })
  const beginning = app.sse.lastEventId
  await app.sse.broadcast('message', 'old')
  await advance(app, 2 * MINUTE)
  await app.sse.broadcast('message', 'new')
  await stream.close()
  const again = await openStream(app, `/events?lastEventId=${beginning}`)
  t.match((await again.next('sse.gap')).data, { reason: 'evicted' })
  t.equal((await again.next()).data, 'new')
})

t.test('no reader of a test is taken for one that does not read', async (t) => {
  const { app, stream } = await start(t, { stallTimeout: 1000 })
  for (let i = 0; i < 20; i++) app.sse.broadcast('message', 'x'.repeat(100_000)).catch(t.fail)
  await advance(app, HOUR)
  t.equal(stream.ended, false)
  for (let i = 0; i < 20; i++) await stream.next()
})

t.test('the clock moves in whole milliseconds, also where its ticks are no whole ones apart', async (t) => {
  const clock = new Clock(() => 0)
  const ticks: Times[] = []
  clock.start({ interval: 2.5, longestStep: 1000 }, (times) => ticks.push(times))
  const done = clock.advance(7)
  clock.stop()
  await done
  t.equal(clock.now, 7)
  t.strictSame(ticks, [{ real: 3, awake: 3 }], 'and what was stopped ticks no more')
})

t.test('advances that overlap add up', async (t) => {
  const clock = new Clock(() => 0)
  clock.start({ interval: 10, longestStep: 1000 }, () => {})
  t.teardown(() => clock.stop())
  await Promise.all([clock.advance(50), clock.advance(51)])
  t.equal(clock.now, 101)
})

t.test('what is no time, and what has no streams, is refused', async (t) => {
  const { app } = await start(t)
  for (const milliseconds of [-1, 0.5, NaN, Infinity]) {
    await t.rejects(advance(app, milliseconds), { message: `advance: the milliseconds must be a non-negative integer; they are ${milliseconds}` })
  }
  await t.rejects(advance(Fastify(), 1), { message: /the plugin was registered in another$/ })
  await advance(app, 0)
})
