// Checked by the compiler only. A missing expected error is an error.

import { readFileSync } from 'node:fs'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyRequest } from 'fastify'
import ssePlugin, { defineEvents, EVERYBODY, ssePlugin as byName, type SsePluginOptions, type StreamHeaders, type Subscriber } from '../../plugin.ts'
import { openStream } from '../../testing/index.ts'

const orders = defineEvents({ 'order.updated': Type.Object({ id: Type.String() }) })
const chat = defineEvents({ message: Type.String() })
const https = { key: readFileSync('key.pem'), cert: readFileSync('cert.pem') }

export async function everyServerOfFastifyTakesThePlugin (): Promise<void> {
  const plain = Fastify()
  await plain.register(ssePlugin)
  plain.get<{ Params: { id: string } }>('/orders/:id', async (request, reply) => {
    const subscriber: Subscriber = await plain.sse.subscribe(reply)
    void [request.params.id, subscriber]
  })
  await openStream(plain, '/events')
  // An option may be undefined instead of absent.
  await plain.register(ssePlugin, { path: undefined, client: undefined, compress: undefined })
  await openStream(plain, '/events', { events: undefined, method: undefined, headers: undefined, payload: undefined, timeout: undefined })

  const secure = Fastify({ https })
  await secure.register(ssePlugin, { events: orders })
  secure.get<{ Params: { id: string } }>('/orders/:id', async (_request, reply) => { await secure.sse.subscribe(reply) })
  await openStream(secure, '/events', { events: orders })

  const cleartext = Fastify({ http2: true })
  await cleartext.register(ssePlugin, { events: orders })
  cleartext.get<{ Params: { id: string } }>('/orders/:id', async (_request, reply) => { await cleartext.sse.subscribe(reply) })
  await openStream(cleartext, '/events', { events: orders })

  const modern = Fastify({ http2: true, https: { ...https, allowHTTP1: true } })
  await modern.register(ssePlugin, { events: orders })
  modern.get<{ Querystring: { since: string }, Reply: { 200: string } }>('/orders', async (_request, reply) => { await modern.sse.subscribe(reply) })
  await openStream(modern, '/events', { events: orders })

  // @ts-expect-error "subscribe" takes the reply, not the request
  plain.get('/wrong', async (request) => { await plain.sse.subscribe(request) })
}

export async function optionsOfRegistrationAreTyped (): Promise<void> {
  const app = Fastify()
  await app.register(byName)
  await app.register(ssePlugin, { events: orders })
  await app.register(ssePlugin, { events: [orders, chat] })
  await app.register(ssePlugin, { events: { message: Type.String() }, prefix: '/api' })
  await app.register(ssePlugin, { path: false, history: false, cors: false, static: false })
  await app.register(ssePlugin, {
    route: { preHandler: async () => {}, config: {} },
    subscribe: async () => undefined,
    onSubscribe: (subscriber, request) => { void [subscriber.closed, request.ip] },
    onClose: (subscriber, reason) => { if (reason === 'reader') subscriber.close() },
    headers: (request): StreamHeaders => ({ 'x-request-id': request.id, 'x-list': ['a', 'b'] }),
    history: { maxEvents: 10 },
    reconnectionTime: { min: 1, max: 2 }
  })
  // @ts-expect-error the option is unknown
  await app.register(ssePlugin, { event: orders })
  // @ts-expect-error a path is text or false
  await app.register(ssePlugin, { path: true })
  // @ts-expect-error bounds have both ends
  await app.register(ssePlugin, { reconnectionTime: { min: 1 } })
  // @ts-expect-error there is no such bound of the history
  await app.register(ssePlugin, { history: { maxLength: 1 } })
  // @ts-expect-error a string is not a schema
  await app.register(ssePlugin, { events: { message: 'string' } })
  // @ts-expect-error the plugin sets the handler
  await app.register(ssePlugin, { route: { handler: async () => {} } })
  // @ts-expect-error a callback is a function
  await app.register(ssePlugin, { onSubscribe: 1 })

  const options: SsePluginOptions = { subscribe: (request: FastifyRequest) => { void request.headers; return {} } }
  await app.register(ssePlugin, options)
  // @ts-expect-error the option is unknown
  const misspelt: SsePluginOptions = { reconnectTime: 1 }
  const all: '*' = EVERYBODY
  void [misspelt, all, app.sse.count(), app.sse.lastEventId, app.sse.stats().closes.reader]
  app.sse.setReconnectionTime({ min: 1, max: 2 })
  // @ts-expect-error bounds are numbers
  app.sse.setReconnectionTime('1s')
}
