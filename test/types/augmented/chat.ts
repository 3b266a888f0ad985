import { defineEvents, type EventsOf } from 'fastify-typed-sse'
import * as Type from 'typebox'

export const chat = defineEvents({ message: Type.String() })

declare module 'fastify-typed-sse' {
  interface Events extends EventsOf<typeof chat> {}
}
