// Programs like those of an application: they register the plugin, deliver one event, and serve the files for browsers.

export const LINES = {
  '@sinclair/typebox 0.34': { absent: 'typebox', importType: "import { Type } from '@sinclair/typebox'", requireType: "const { Type } = require('@sinclair/typebox')" },
  'typebox 1.x': { absent: '@sinclair/typebox', importType: "import Type from 'typebox'", requireType: "const { Type } = require('typebox')" }
}

const BODY = `
const events = defineEvents({
  message: Type.String(),
  tick: Type.Object({ n: Type.Number(), by: Type.String({ format: 'email' }) })
})

async function main () {
  const app = Fastify()
  await app.register(ssePlugin, { events, inspector: true })
  const stream = await openStream(app, '/events', { events })
  await app.sse.of(events).broadcast('tick', { n: 1, by: 'a@example.org' })
  const { data } = await stream.next('tick')
  const { statusCode } = await app.inject('/sse/')
  const client = await app.inject('/sse/client.js')
  await app.close()
  return [data.n, data.by, statusCode, client.statusCode, client.body.length > 1000, EVERYBODY].join(' ')
}
`

/** The result of `main`. */
export const RESULT = '1 a@example.org 200 200 true *'

const IMPORTS = `
import Fastify from 'fastify'
import ssePlugin, { defineEvents, EVERYBODY } from 'fastify-typed-sse'
import { openStream } from 'fastify-typed-sse/testing'
`

const REQUIRES = `
const Fastify = require('fastify')
const ssePlugin = require('fastify-typed-sse')
const { defineEvents, EVERYBODY } = ssePlugin
const { openStream } = require('fastify-typed-sse/testing')
`

export const esm = ({ importType }, end = 'console.log(await main())') => `${importType}${IMPORTS}${BODY}${end}\n`
export const cjs = ({ requireType }, end = 'main().then(console.log)') => `${requireType}${REQUIRES}${BODY}${end}\n`

/** TypeScript that must compile in either module format, in every setting, without `skipLibCheck`. */
export const typed = ({ importType }) => `${importType}
import Fastify from 'fastify'
import ssePlugin, { defineEvents, errorCodes, EVERYBODY, type EventsOf, type Sse, type Subscriber } from 'fastify-typed-sse'
import { connect } from 'fastify-typed-sse/client'
import { openStream } from 'fastify-typed-sse/testing'

const events = defineEvents({
  message: Type.String(),
  tick: Type.Object({ n: Type.Number() }),
  moved: { schema: Type.Object({ who: Type.String(), x: Type.Number() }), latestBy: (payload) => payload.who }
})
declare module 'fastify-typed-sse' {
  interface Events extends EventsOf<typeof events> {}
  interface SubscriberContext { user: string }
}

export async function main () {
  const app = Fastify()
  await app.register(ssePlugin, { events, onSubscribe: (subscriber) => { const user: string | undefined = subscriber.context?.user; void user } })
  const sse: Sse = app.sse
  await sse.broadcast('tick', { n: 1 })
  const everybody: '*' = EVERYBODY
  await app.sse.broadcast('moved', { who: 'a', x: 1 }, { channels: everybody })
  // @ts-expect-error: not the payload of this event
  await app.sse.broadcast('tick', { n: '1' })
  // @ts-expect-error: not declared
  await app.sse.broadcast('tock', 1)
  app.get('/own', async (_request, reply) => {
    const subscriber: Subscriber = await app.sse.subscribe(reply)
    await subscriber.send('message', 'hello')
  })
  const stream = await openStream(app, '/events', { events })
  const { data } = await stream.next('tick')
  const next: number = data.n + 1
  const reader = connect<typeof events>('https://example.org/events')
  reader.on('message', (text) => text.toUpperCase())
  // @ts-expect-error: a number
  reader.on('tick', ({ n }) => n.toUpperCase())
  reader.close()
  return next
}

// Exported: declarations must find names for these types.
export const read = () => connect<typeof events>('https://example.org/events')
export const hubOf = (sse: Sse) => sse.of(events)
export const failuresOf = (error: unknown) => error instanceof errorCodes.FST_SSE_PAYLOAD_INVALID ? error.failures : []
export const testOf = async () => (await openStream(Fastify(), '/events', { events })).next('sse.open')
`

/** TypeScript that loads the plugin as CommonJS: `require` returns the plugin itself. */
export const required = ({ importType }) => `${importType}
import Fastify from 'fastify'
import ssePlugin = require('fastify-typed-sse')
import * as all from 'fastify-typed-sse'

const events = ssePlugin.defineEvents({ message: Type.String(), left: Type.Object({ who: Type.String() }) })

export async function main () {
  const app = Fastify()
  await app.register(ssePlugin, { events, onSubscribe: (subscriber) => { void subscriber.send('message', subscriber.context.user) } })
  await app.register(ssePlugin.default, { events })
  await app.register(all.default, { events })
  // @ts-expect-error: no option
  await app.register(ssePlugin, { event: events })
  const hub: ssePlugin.Sse<ssePlugin.EventsOf<typeof events>> = app.sse.of(events)
  const everybody: '*' = ssePlugin.EVERYBODY
  await hub.broadcast('left', { who: 'a' }, { channels: [everybody] })
  // @ts-expect-error: not the payload of this event
  await hub.broadcast('left', { who: 1 })
}

// Exported: declarations must find names for these types.
export const hubOf = (sse: ssePlugin.Sse) => sse.of(events)
export const codeOf = (error: unknown) => error instanceof ssePlugin.errorCodes.FST_SSE_CLOSED ? error.code : null
`

/** JavaScript that a compiler checks. */
export const checked = ({ requireType }) => `${requireType}
const Fastify = require('fastify')
const ssePlugin = require('fastify-typed-sse')
const { defineEvents, EVERYBODY } = ssePlugin

const events = defineEvents({ message: Type.String() })
const app = Fastify()
app.register(ssePlugin, { events })
/** @type {import('fastify-typed-sse').Subscriber[]} */
const subscribers = [...app.sse.subscribers(EVERYBODY)]
module.exports = { subscribers }
`
