import { ChannelInvalid } from './errors.ts'
import { kindOf } from './kind-of.ts'

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
  if (typeof name === 'string' && name !== '' && name.length <= MAX_LENGTH && !CONTROL.test(name)) return
  throw new ChannelInvalid(`text of 1 to ${MAX_LENGTH} characters, none of them a control character`, kindOf(name))
}
