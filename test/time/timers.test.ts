import { mock } from 'node:test'
import timers from 'node:timers'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { advance, openStream } from '../../testing/index.ts'

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'] as const
const NEVER = { ref: () => NEVER, unref: () => NEVER, hasRef: () => false, [Symbol.toPrimitive]: () => 0 }

/** Replaces properties of an object. @returns A function that restores them. */
function replace (target: object, properties: Record<string, unknown>): () => void {
  const before = Object.fromEntries(Object.keys(properties).map((name) => [name, Reflect.get(target, name)]))
  Object.assign(target, properties)
  return () => { Object.assign(target, before) }
}

const stopped = Object.fromEntries(TIMERS.map((name) => [name, () => NEVER]))

/** The ways in which test libraries fake timers. Each function returns one that restores them. */
const FAKERS: Record<string, () => () => void> = {
  'node:test, which fakes its default set': () => {
    mock.timers.enable()
    return () => mock.timers.reset()
  },
  'vitest, jest and sinon, which replace globals': () => replace(globalThis, { ...stopped, performance: { now: () => 0 } }),
  '@sinonjs/fake-timers, which also replaces functions of modules': () => {
    const undo = [replace(globalThis, stopped), replace(timers, stopped), replace(performance, { now: () => 0 })]
    return () => { for (const one of undo) one() }
  }
}

/** Fakes the timers, then creates an application. `undo` restores the timers. */
async function startWith (t: Test, fake: () => () => void, options: SsePluginOptions) {
  const undo = fake()
  t.teardown(undo)
  const app = Fastify()
  await app.register(ssePlugin, options)
  return { app, undo }
}

for (const [faker, fake] of Object.entries(FAKERS)) {
  t.test(`while a test fakes timers by ${faker}`, async (t) => {
    t.test('an event arrives', async (t) => {
      const { app } = await startWith(t, fake, {})
      const stream = await openStream(app, '/events')
      await app.sse.broadcast('message', 'there')
      t.equal((await stream.next()).data, 'there')
      await app.close()
      t.equal(stream.ended, true)
    })

    t.test('heartbeats arrive, and a stream ends after maxLifetime', async (t) => {
      const { app } = await startWith(t, fake, { heartbeatInterval: 20, heartbeatEvent: true, maxLifetime: 400 })
      const stream = await openStream(app, '/events')
      await stream.next('sse.heartbeat')
      await stream.next('sse.heartbeat')
      await t.rejects(stream.next(), { message: /^The stream ended/ })
      t.equal(app.sse.stats().closes.lifetime, 1)
    })

    t.test('`next` rejects after its timeout', async (t) => {
      const { app } = await startWith(t, fake, {})
      const stream = await openStream(app, '/events', { timeout: 20 })
      await t.rejects(stream.next(), { message: 'No event within 20 ms; received sse.open' })
      await stream.close()
    })

    t.test('more streams open than one turn of the event loop admits', async (t) => {
      const { app } = await startWith(t, fake, {})
      await Promise.all(Array.from({ length: 70 }, () => openStream(app, '/events')))
      t.equal(app.sse.count(), 70)
      await app.close()
    })

    t.test('an advance of an hour ends an idle stream', async (t) => {
      const { app } = await startWith(t, fake, { idleTimeout: 3_000_000 })
      const stream = await openStream(app, '/events')
      await advance(app, 3_600_000)
      t.equal(stream.ended, true)
      t.equal(app.sse.stats().closes.idle, 1)
    })

    t.test('a stream with an `expiresAt` an hour after the faked `Date` stays open when the real `Date` is back', async (t) => {
      const { app, undo } = await startWith(t, fake, { subscribe: () => ({ expiresAt: new Date(Date.now() + 3_600_000) }) })
      const stream = await openStream(app, '/events')
      undo()
      await app.sse.broadcast('message', 'still there')
      t.equal((await stream.next()).data, 'still there')
      await stream.close()
    })
  })
}

t.test('a plugin loaded after vitest, jest or sinon have faked the timers uses the real timers', async (t) => {
  const real = { setTimeout, setImmediate }
  const undo = replace(globalThis, { ...stopped, performance: { now: () => 0 } })
  t.teardown(undo)
  const early = await import(`../../lib/time/timers.ts?${'early'}`)
  t.equal(early.setTimeout, real.setTimeout)
  t.equal(early.setImmediate, real.setImmediate)
  t.not(early.monotonicTime(), 0)
})
