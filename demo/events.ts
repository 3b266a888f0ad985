import { Type, type Static } from '@sinclair/typebox'
import { defineEvents } from '../plugin.ts'

const machine = Type.Object({
  /** Milliseconds since 1970. */
  at: Type.Integer(),
  load: Type.Object({
    /** The load average of the last minute. Always 0 on Windows. */
    average: Type.Number(),
    cpus: Type.Integer()
  }),
  /** Bytes. */
  memory: Type.Object({ used: Type.Integer(), total: Type.Integer() }),
  /** The longest event-loop delay since the last sample, in milliseconds. */
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

/** The public events. */
export const events = defineEvents({
  message: Type.String(),
  'test-event': testEvent,
  // Ephemeral: a new sample comes every second, so a replay of old ones is useless.
  machine: { schema: machine, ephemeral: true },
  note
})

/** The events of answers. */
export const answerEvents = defineEvents({
  token: { schema: Type.String(), merge: (older, newer) => older + newer }
})

/** The events for signed-in readers. */
export const memberEvents = defineEvents({
  message: Type.String()
})
