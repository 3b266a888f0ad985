import { ChannelInvalid } from '../errors.ts'
import { demand } from '../option-rules.ts'
import { kindOf } from '../value-text.ts'

// The rules for the names of channels, and for the option `channels`.

/**
 * Refuses an option `channels` that is present and undefined. For other options undefined means the default, but the default of `channels`
 * is `EVERYBODY`: a variable that is undefined by mistake would send an event for a few subscribers to all of them.
 *
 * @param call The method whose options these are, for the error.
 * @param rule The completion of "must be …" in the error.
 * @throws FST_SSE_OPTION_INVALID when the key is present and its value is undefined.
 */
export function demandChannels (call: string, options: object, rule: string): void {
  demand(!('channels' in options) || options.channels !== undefined, `${call}.channels`, `${rule}, if the key is present`, undefined)
}

/**
 * Checks a list of channels.
 *
 * @returns The names, each once.
 * @throws FST_SSE_CHANNEL_INVALID when a name breaks the rules of `checkChannel`.
 */
export function readChannels (names: readonly string[]): readonly string[] {
  // Copied before the check, because a list with getters may return another value when it is read again.
  const copies = new Set(names)
  for (const name of copies) checkChannel(name)
  return [...copies]
}

/**
 * The default channel, `'*'`. Events go to it and subscribers hear it, unless the option `channels` names others.
 *
 * @see docs/options.md
 */
export const EVERYBODY = '*'

const MAX_LENGTH = 256

// The key of a set of channels joins the names with LF, so a name cannot contain it. Any other control character in a name is a mistake.
const CONTROL = /\p{Cc}/u

/**
 * Checks the name of a channel. There are no patterns and no hierarchy: `__proto__`, `*.created` and `a/b` are ordinary names.
 *
 * @throws FST_SSE_CHANNEL_INVALID when the name is not text, is empty, is longer than 256 characters, or contains a control character.
 */
export function checkChannel (name: unknown): asserts name is string {
  if (typeof name === 'string' && name !== '' && name.length <= MAX_LENGTH && !CONTROL.test(name)) return
  throw new ChannelInvalid(`text of 1 to ${MAX_LENGTH} characters, none of them a control character`, kindOf(name))
}
