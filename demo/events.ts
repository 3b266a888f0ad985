import { Type, type Static } from '@sinclair/typebox'
import { defineEvents } from '../plugin.ts'

const machine = Type.Object({
  /** Milliseconds since 1970. */
  at: Type.Integer(),
  load: Type.Object({
    /** Of the last minute. Always 0 on Windows. */
    average: Type.Number(),
    cpus: Type.Integer()
  }),
  /** Bytes. */
  memory: Type.Object({ used: Type.Integer(), total: Type.Integer() }),
  /** The longest of the time since the last sample, in milliseconds. */
  eventLoopDelay: Type.Number()
})

const testEvent = Type.Object({ count: Type.Integer({ minimum: 1 }), subscribers: Type.Integer({ minimum: 0 }) })

const note = Type.Object({
  author: Type.String({ minLength: 1, maxLength: 40 }),
  text: Type.String({ minLength: 1, maxLength: 280 })
})

export type Machine = Static<typeof machine>
export type TestEvent = Static<typeof testEvent>
export type Note = Static<typeof note>

/** What everybody may hear. */
export const events = defineEvents({
  message: Type.String(),
  'test-event': testEvent,
  // Of figures that come every second nobody wants those of a minute ago.
  machine: { schema: machine, ephemeral: true },
  note
})

/** What those hear that have signed in. */
export const memberEvents = defineEvents({
  message: Type.String()
})
