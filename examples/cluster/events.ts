import { Type } from '@sinclair/typebox'
import { defineEvents } from 'fastify-typed-sse'

/** The names of the nodes. */
export const NAMES = ['a', 'b', 'c'] as const
export type Name = typeof NAMES[number]

const name = Type.Union(NAMES.map((name) => Type.Literal(name)))

export const events = defineEvents({
  /** A number that is one greater than the number before. */
  count: Type.Object({ number: Type.Integer() }),
  /** The state of the cluster. Only the newest one matters, so nothing is kept for readers that are away. */
  cluster: { schema: Type.Object({ streams: Type.Integer(), ready: Type.Array(name) }), ephemeral: true },
  /** The node that serves this stream, sent by that node to each of its readers. */
  node: Type.Object({ name })
})

/** The body of a request to kill a node. */
export const killBody = Type.Object({ node: name })
