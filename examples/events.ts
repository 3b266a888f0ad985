import { Type, type Static } from '@sinclair/typebox'
import { defineEvents } from 'fastify-typed-sse'

// It becomes part of a channel's name: the schema says what it may be.
const user = Type.String({ pattern: '^[a-z]{1,20}$' })

/** What the pages of these examples hear. */
export const events = defineEvents({
  message: Type.Object({ from: user, text: Type.String() })
})

/** The body of a sign-in. Your own asks for more than a name. */
export const signInBody = Type.Object({ user })
export type SignIn = Static<typeof signInBody>

/** The body of a message; without `to` it is for everybody. */
export const messageBody = Type.Object({ to: Type.Optional(user), text: Type.String({ minLength: 1, maxLength: 280 }) })
export type Message = Static<typeof messageBody>
