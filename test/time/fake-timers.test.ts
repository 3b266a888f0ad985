import { mock } from 'node:test'
import timers from 'node:timers'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { advance, openStream } from '../../testing/index.ts'

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'] as const
const NEVER = { ref: () => NEVER, unref: () => NEVER, hasRef: () => false, [Symbol.toPrimitive]: () => 0 }

/** Puts what never happens in the place of properties. @returns What puts them back. */
function replace (target: object, properties: Record<string, unknown>): () => void {
  const before = Object.fromEntries(Object.keys(properties).map((name) => [name, Reflect.get(target, name)]))
  Object.assign(target, properties)
  return () => { Object.assign(target, before) }
}

const stopped = Object.fromEntries(TIMERS.map((name) => [name, () => NEVER]))

/** What the libraries replace, each in its own way, and how. */
const FAKERS: Record<string, () => () => void> = {
  'node:test, with all that it fakes by default': () => {
    mock.timers.enable()
    return () => mock.timers.reset()
  },
  'vitest, jest and sinon, which replace what is global': () => replace(globalThis, { ...stopped, performance: { now: () => 0 } }),
  '@sinonjs/fake-timers, which replaces functions of the modules too': () => {
    const undo = [replace(globalThis, stopped), replace(timers, stopped), replace(performance, { now: () => 0 })]
    return () => { for (const one of undo) one() }
  }
}

/** An application that was made while nothing was faked, as of an import and a `beforeEach`, and one that is made meanwhile. */
async function startWith (t: Test, fake: () => () => void, options: SsePluginOptions) {
  const undo = fake()
  t.teardown(undo)
  const app = Fastify()
  await app.register(ssePlugin, options)
  return { app, undo }
}

for (const [faker, fake] of Object.entries(FAKERS)) {
  t.test(`while a test has faked the timers by ${faker}`, async (t) => {
    t.test('an event arrives', async (t) => {
      const { app } = await startWith(t, fake, {})
      const stream = await openStream(app, '/events')
      await app.sse.broadcast('message', 'there')
      t.equal((await stream.next()).data, 'there')
      await app.close()
      t.equal(stream.ended, true)
    })

    t.test('heartbeats come, and streams grow old', async (t) => {
      const { app } = await startWith(t, fake, { heartbeatInterval: 20, heartbeatEvent: true, maxLifetime: 400 })
      const stream = await openStream(app, '/events')
      await stream.next('sse.heartbeat')
      await stream.next('sse.heartbeat')
      await t.rejects(stream.next(), { message: /^The stream ended/ })
      t.equal(app.sse.stats().closes.lifetime, 1)
    })

    t.test('`next` says when nothing comes in time', async (t) => {
      const { app } = await startWith(t, fake, {})
      const stream = await openStream(app, '/events', { timeout: 20 })
      await t.rejects(stream.next(), { message: 'No event within 20 ms; received sse.open' })
      await stream.close()
    })

    t.test('more streams open than one turn of the event loop takes', async (t) => {
      const { app } = await startWith(t, fake, {})
      await Promise.all(Array.from({ length: 70 }, () => openStream(app, '/events')))
      t.equal(app.sse.count(), 70)
      await app.close()
    })

    t.test('an hour that the test lets pass ends what is idle', async (t) => {
      const { app } = await startWith(t, fake, { idleTimeout: 3_000_000 })
      const stream = await openStream(app, '/events')
      await advance(app, 3_600_000)
      t.equal(stream.ended, true)
      t.equal(app.sse.stats().closes.idle, 1)
    })

    t.test('a stream expires by the `Date` that the test gives it', async (t) => {
      const { app, undo } = await startWith(t, fake, { subscribe: () => ({ expiresAt: new Date(Date.now() + 3_600_000) }) })
      const stream = await openStream(app, '/events')
      undo()
      await app.sse.broadcast('message', 'still there')
      t.equal((await stream.next()).data, 'still there')
      await stream.close()
    })
  })
}

t.test('timers that vitest, jest or sinon faked before the plugin was loaded are not taken', async (t) => {
  const real = { setTimeout, setImmediate }
  const undo = replace(globalThis, { ...stopped, performance: { now: () => 0 } })
  t.teardown(undo)
  const early = await import(`../../lib/time/timers.ts?${'early'}`)
  t.equal(early.setTimeout, real.setTimeout)
  t.equal(early.setImmediate, real.setImmediate)
  t.not(early.monotonicTime(), 0)
})
