import { inspect } from 'node:util'
import { ChannelInvalid } from './errors.ts'

/** The channel that every subscriber hears unless it asked for others. */
export const EVERYBODY = '*'

const MAX_LENGTH = 256

// The names of a set stand in one text, apart by LF; and nobody types a control character on purpose.

const CONTROL = /\p{Cc}/u

/**
 * Any other text is just a name: `__proto__`, `*.created` and `a/b` are three channels like every other.
 *
 * @throws FST_SSE_CHANNEL_INVALID
 */
export function checkChannel (name: unknown): asserts name is string {
  const refuse = (rule: string): never => { throw new ChannelInvalid(inspect(name, { depth: 0, maxStringLength: 100, breakLength: Infinity }), rule) }
  if (typeof name !== 'string') return refuse('it is text')
  if (name === '') refuse('it is not empty')
  if (name.length > MAX_LENGTH) refuse(`it has at most ${MAX_LENGTH} characters`)
  if (CONTROL.test(name)) refuse('it holds no control characters')
}
