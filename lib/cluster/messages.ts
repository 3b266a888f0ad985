import type { EventRecord } from '../broker/broker.ts'

// The messages between nodes, as records of an order of their own.

/** A message of one node to all others. */
export type Message =
  /** The node is there. `isNew`: it has just started, and wants to know who else is. */
  | { readonly type: 'here', readonly node: string, readonly isNew: boolean }
  /** The node closes. */
  | { readonly type: 'left', readonly node: string }
  /** A question for the number of subscribers; without `channel`: of all channels. */
  | { readonly type: 'count', readonly node: string, readonly question: number, readonly channel?: string }
  /** A question whether a run has readers, or had one within so many milliseconds. The answer is 1 or 0. */
  | { readonly type: 'read', readonly node: string, readonly question: number, readonly run: string, readonly within: number }
  /** Ends the streams of a channel. The answer is the number of streams ended. */
  | { readonly type: 'disconnect', readonly node: string, readonly question: number, readonly channel: string, readonly final: boolean }
  /** The answer to a question of the node `to`. */
  | { readonly type: 'answer', readonly node: string, readonly to: string, readonly question: number, readonly count: number }

/** Makes the record of a message. Only the end of streams is kept, for nodes that are cut off for a moment. */
export function toRecord (message: Message): EventRecord {
  return { channels: [], body: JSON.stringify(message), ephemeral: message.type !== 'disconnect', id: undefined, key: undefined, time: Date.now() }
}

/** Reads the message of a record; undefined if it is none that this version knows. */
export function toMessage ({ body }: EventRecord): Message | undefined {
  try {
    const message = JSON.parse(body) as Record<string, unknown>
    return typeof message === 'object' && message !== null && isMessage(message) ? message as unknown as Message : undefined
  } catch {
    return undefined
  }
}

function isMessage ({ type, node, to, isNew, question, channel, final, count, run, within }: Record<string, unknown>): boolean {
  if (typeof node !== 'string') return false
  switch (type) {
    case 'here': return typeof isNew === 'boolean'
    case 'left': return true
    case 'count': return typeof question === 'number' && (channel === undefined || typeof channel === 'string')
    case 'read': return typeof question === 'number' && typeof run === 'string' && typeof within === 'number'
    case 'disconnect': return typeof question === 'number' && typeof channel === 'string' && typeof final === 'boolean'
    case 'answer': return typeof to === 'string' && typeof question === 'number' && typeof count === 'number'
    default: return false
  }
}
