import { demandChannels, EVERYBODY, readChannels } from '../log/channel-name.ts'
import { demand, readBoolean, readObject } from '../option-rules.ts'
import { checkCustomId } from './custom-id.ts'

// Reads the options of `broadcast`. Each function throws FST_SSE_OPTION_UNKNOWN or FST_SSE_OPTION_INVALID; the error names the option, the
// rule and the kind of the value.

/**
 * The options of a broadcast.
 *
 * @see docs/options.md
 */
export interface BroadcastOptions {
  /**
   * The channels whose subscribers get the event: a name, or a list of names. A subscriber of several gets it once. `[]` reaches no subscriber.
   *
   * @defaultValue EVERYBODY
   */
  readonly channels?: string | readonly string[]
  /**
   * The first part of the event ID: 1 to 256 printable ASCII characters, no space at either end, not `'head'` or `'oldest'`, not a position, and
   * not beginning with `sse.`. `@` and the position follow, so a reader resumes at the right event even if two events have the same `id`. Not
   * allowed for an ephemeral event.
   *
   * @defaultValue none; the event ID is the position alone
   */
  readonly id?: string | undefined
  /** True: the event has no event ID, is not kept, and reaches only subscribers that are connected now. @defaultValue as declared, otherwise false */
  readonly ephemeral?: boolean | undefined
}

/** The options of a broadcast, complete and checked. `ephemeral` is undefined if the declaration of the event decides. */
export interface BroadcastTerms {
  readonly channels: readonly string[]
  readonly id: string | undefined
  readonly ephemeral: boolean | undefined
}

/**
 * Reads the options of `app.sse.broadcast`.
 *
 * @param withIds False if events have no ids, because `history` is false.
 */
export function readBroadcastOptions (options: BroadcastOptions, withIds: boolean): BroadcastTerms {
  const { channels = EVERYBODY, id, ephemeral } = readObject('broadcast', options, ['channels', 'id', 'ephemeral'])
  demandChannels('broadcast', options, 'a channel or a list of channels')
  demand(typeof channels === 'string' || Array.isArray(channels), 'broadcast.channels', 'a channel or a list of channels', channels)
  if (ephemeral !== undefined) readBoolean('broadcast.ephemeral', ephemeral)
  if (id !== undefined) checkCustomId(id, withIds)
  return { channels: readChannels(typeof channels === 'string' ? [channels] : channels), id, ephemeral }
}

/** Reads the options of a broadcast to one channel, which may not name `channels`. */
export function channelOptions (channel: string, options: Omit<BroadcastOptions, 'channels'>): BroadcastOptions {
  return { ...readObject('broadcast', options, ['id', 'ephemeral']), channels: channel }
}
