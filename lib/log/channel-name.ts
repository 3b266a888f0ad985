import { ChannelInvalid } from '../errors.ts'
import { demand } from '../option-rules.ts'
import { kindOf } from '../value-text.ts'

/** Not as with other options: one that is meant for some and turns out undefined would go to everybody. */
export function demandChannels (call: string, options: object, rule: string): void {
  demand(!('channels' in options) || options.channels !== undefined, `${call}.channels`, `${rule}, where it stands at all`, undefined)
}

/** Each once. */
export function readChannels (names: readonly string[]): readonly string[] {
  // First taken, then checked: a list with getters need not give the same twice.
  const taken = new Set(names)
  for (const name of taken) checkChannel(name)
  return [...taken]
}

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
