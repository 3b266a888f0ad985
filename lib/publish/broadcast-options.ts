import { parsePosition } from '../broker/position.ts'
import { demandChannels, EVERYBODY, readChannels } from '../log/channel-name.ts'
import { demand, readBoolean, readObject } from '../option-rules.ts'
import { FINAL_ID, RESERVED_PREFIX } from '../wire/plugin-events.ts'

// The options of single calls. Every reader throws FST_SSE_OPTION_UNKNOWN or FST_SSE_OPTION_INVALID, and names the option, the rule and
// the kind of the value.

/** What may be said of a broadcast. */
export interface BroadcastOptions {
  /** The channels whose subscribers get it, each of them once: a name or a list; `[]`: nobody. @defaultValue EVERYBODY */
  readonly channels?: string | readonly string[]
  /**
   * What the event ID begins with, 1 to 256 printable ASCII characters without blanks at the ends, but not `'head'` or `'oldest'`.
   * `@` and the position follow, so that a reader resumes exactly where it was even if an ID is given twice.
   *
   * @defaultValue the event ID is the position alone
   */
  readonly id?: string | undefined
  /** Not kept: it reaches who is there, and is never replayed. @defaultValue as declared, otherwise false */
  readonly ephemeral?: boolean | undefined
}

const PRINTABLE_ID = /^[!-~](?:[ -~]{0,254}[!-~])?$/

/** What a broadcast says, complete. `ephemeral` is undefined where the declaration decides. */
export interface BroadcastTerms {
  readonly channels: readonly string[]
  readonly id: string | undefined
  readonly ephemeral: boolean | undefined
}

/** @param withIds Whether events have ids at all. */
export function readBroadcastOptions (options: BroadcastOptions, withIds: boolean): BroadcastTerms {
  const { channels = EVERYBODY, id, ephemeral } = readObject('broadcast', options, ['channels', 'id', 'ephemeral'])
  demandChannels('broadcast', options, 'a channel or a list of channels')
  demand(typeof channels === 'string' || Array.isArray(channels), 'broadcast.channels', 'a channel or a list of channels', channels)
  if (ephemeral !== undefined) readBoolean('broadcast.ephemeral', ephemeral)
  if (id !== undefined) checkId(id, withIds)
  return { channels: readChannels(typeof channels === 'string' ? [channels] : channels), id, ephemeral }
}

/** Those of a broadcast to one channel, which is not theirs to say. */
export function channelOptions (channel: string, options: Omit<BroadcastOptions, 'channels'>): BroadcastOptions {
  return { ...readObject('broadcast', options, ['id', 'ephemeral']), channels: channel }
}

function checkId (id: string, withIds: boolean): void {
  demand(withIds, 'broadcast.id', 'absent where "history" is false: events have no ids then', id)
  demand(typeof id === 'string' && PRINTABLE_ID.test(id), 'broadcast.id', '1 to 256 printable ASCII characters without blanks at the ends', id)
  demand(parsePosition(id) === undefined && !id.startsWith(RESERVED_PREFIX), 'broadcast.id', `none of the plugin's own, such as "${FINAL_ID}" or a position`, id)
  demand(id !== 'head' && id !== 'oldest', 'broadcast.id', 'neither "head" nor "oldest": these are places', id)
}
