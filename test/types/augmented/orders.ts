import { Type } from '@sinclair/typebox'
import { defineEvents, type EventsOf } from 'fastify-typed-sse'

const At = Type.Transform(Type.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())

export const orders = defineEvents({
  'order.updated': Type.Object({ id: Type.String(), at: At })
})

declare module 'fastify-typed-sse' {
  interface Events extends EventsOf<typeof orders> {}
}
