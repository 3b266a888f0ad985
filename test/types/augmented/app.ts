// The only program that augments `Events`, written like an application. Checked by the compiler only.

import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import ssePlugin, { defineEvents } from 'fastify-typed-sse'
import { openStream } from 'fastify-typed-sse/testing'
import { chat } from './chat.ts'
import { orders } from './orders.ts'

const app = Fastify()
await app.register(ssePlugin, { events: [orders, chat] })

// `app.sse` has the events of both features.
await app.sse.broadcast('order.updated', { id: 'o-1', at: new Date() })
await app.sse.broadcast('message', 'text')

// @ts-expect-error no feature declares the event
await app.sse.broadcast('order.deleted', {})
// @ts-expect-error "at" is a Date on the server
await app.sse.broadcast('order.updated', { id: 'o-1', at: 'now' })
// @ts-expect-error the message is text
await app.sse.broadcast('message', 1)

app.post('/orders', async (request) => {
  await request.server.sse.broadcast('message', 'a new order')
  // @ts-expect-error no feature declares the event
  await request.server.sse.broadcast('order.created', {})
})

// A feature that has only its own events.
const sse = app.sse.of(orders)
await sse.broadcast('order.updated', { id: 'o-1', at: new Date() })
// @ts-expect-error the event of another feature
await sse.broadcast('message', 'text')

// A declaration outside `Events` has its own types.
const private_ = defineEvents({ secret: Type.Number() })
await app.sse.of(private_).broadcast('secret', 1)

const stream = await openStream(app, '/events', { events: orders })
const text: string = (await stream.next('order.updated')).data.at
// @ts-expect-error a reader receives text
const date: Date = (await stream.next('order.updated')).data.at

const untyped = await openStream(app, '/events')
const message: string = (await untyped.next('message')).data
// @ts-expect-error no feature declares the event
await untyped.next('order.deleted')

export { text, date, message }
