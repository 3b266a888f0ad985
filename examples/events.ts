import { Type, type Static } from '@sinclair/typebox'
import { defineEvents } from 'fastify-typed-sse'

// A user name becomes part of a channel name, so the schema restricts it.
const user = Type.String({ pattern: '^[a-z]{1,20}$' })

/** The events of the examples. */
export const events = defineEvents({
  message: Type.Object({ from: user, text: Type.String() })
})

/** The body of a sign-in. A real application requires more than a name. */
export const signInBody = Type.Object({ user })
export type SignIn = Static<typeof signInBody>

/** The body of a message. Without `to` it goes to every reader. */
export const messageBody = Type.Object({ to: Type.Optional(user), text: Type.String({ minLength: 1, maxLength: 280 }) })
export type Message = Static<typeof messageBody>
