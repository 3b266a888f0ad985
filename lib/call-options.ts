import { types } from 'node:util'
import { checkChannel, EVERYBODY } from './channel-name.ts'
import { demand, isObject, readBoolean, readObject } from './option-rules.ts'
import { FINAL_ID, OWN_PREFIX } from './own-events.ts'
import { parsePosition } from './position.ts'
import type { SubscriberContext } from './subscriber-context.ts'

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

/** What may be said of a subscriber when it subscribes. */
export interface SubscribeOptions {
  /** The complete list of channels that it hears; `[]`: nothing but what is sent to it alone. @defaultValue [EVERYBODY] */
  readonly channels?: readonly string[]
  /**
   * Where a reader starts that brings no last event ID: `'head'` with what comes next, `'oldest'` with everything kept, or after an
   * event ID. The `id` of a broadcast stands for its event as long as that is in the history and no other there has the same. An ID
   * that says nothing to the log is a gap, not an error.
   *
   * @defaultValue 'head'
   */
  readonly from?: 'head' | 'oldest' | (string & {}) | undefined
  /** Whether a reader that brings a last event ID goes on from there; false: every reader starts at `from`. @defaultValue true */
  readonly resume?: boolean | undefined
  /** Yours; comes back as `subscriber.context`. Augment `SubscriberContext` to type it. */
  readonly context?: SubscriberContext | undefined
  /**
   * When what lets this reader in ends, as the `exp` of a token says: its stream is then ended where it is, at most a second later. Its
   * reader comes back, and is judged anew. The clock on the wall is asked at this call only.
   *
   * @defaultValue never
   */
  readonly expiresAt?: Date | undefined
}

/** What may be said of the end of a stream. */
export interface CloseOptions {
  /** Its reader is told not to come back: with `sse.close`, and with 204 when it does. @defaultValue false */
  readonly final?: boolean | undefined
}

/** What may be said of what is streamed. */
export interface StreamOptions {
  /** The event stream ends with it, for good. @defaultValue true */
  readonly end?: boolean | undefined
}

const SUBSCRIBE_OPTIONS = ['channels', 'from', 'resume', 'context', 'expiresAt']

const PRINTABLE_ID = /^[!-~](?:[ -~]{0,254}[!-~])?$/

/** Where and how a subscriber starts, complete. */
interface Subscription {
  readonly channels: readonly string[]
  readonly from: string | undefined
  readonly resume: boolean
  readonly context: SubscriberContext
  /** Milliseconds since 1970; Infinity: never. */
  readonly expiresAt: number
}

/** What a broadcast says, complete. `ephemeral` is undefined where the declaration decides. */
interface BroadcastTerms {
  readonly channels: readonly string[]
  readonly id: string | undefined
  readonly ephemeral: boolean | undefined
}

export function readSubscribeOptions (options: SubscribeOptions): Subscription {
  demand(isObject(options), 'subscribe', `an object of ${SUBSCRIBE_OPTIONS.join(', ')}`, options)
  const { channels = [EVERYBODY], from, resume = true, context = {}, expiresAt } = readObject('subscribe', options, SUBSCRIBE_OPTIONS)
  demandChannels('subscribe', options, 'a list of channels')
  demand(Array.isArray(channels), 'subscribe.channels', 'a list of channels', channels)
  demand(from === undefined || typeof from === 'string', 'subscribe.from', '"head", "oldest" or an event ID', from)
  return {
    channels: readChannels(channels),
    from: from === '' ? undefined : from,
    resume: readBoolean('subscribe.resume', resume),
    context,
    expiresAt: readExpiry(expiresAt)
  }
}

function readExpiry (expiresAt: Date | undefined): number {
  if (expiresAt === undefined) return Infinity
  demand(types.isDate(expiresAt) && !Number.isNaN(expiresAt.getTime()), 'subscribe.expiresAt', 'a valid Date', expiresAt)
  return expiresAt.getTime()
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

/** @param call The one that is given them. */
export function readCloseOptions (call: 'close' | 'disconnect', options: CloseOptions): { final: boolean } {
  const { final = false } = readObject(call, options, ['final'])
  return { final: readBoolean(`${call}.final`, final) }
}

export function readStreamOptions (options: StreamOptions): { end: boolean } {
  const { end = true } = readObject('stream', options, ['end'])
  return { end: readBoolean('stream.end', end) }
}

/** Not as with other options: one that is meant for some and turns out undefined would go to everybody. */
function demandChannels (call: string, options: object, rule: string): void {
  demand(!('channels' in options) || options.channels !== undefined, `${call}.channels`, `${rule}, where it stands at all`, undefined)
}

/** Each once. */
function readChannels (names: readonly string[]): readonly string[] {
  // First taken, then checked: a list with getters need not give the same twice.
  const taken = new Set(names)
  for (const name of taken) checkChannel(name)
  return [...taken]
}

function checkId (id: string, withIds: boolean): void {
  demand(withIds, 'broadcast.id', 'absent where "history" is false: events have no ids then', id)
  demand(typeof id === 'string' && PRINTABLE_ID.test(id), 'broadcast.id', '1 to 256 printable ASCII characters without blanks at the ends', id)
  demand(parsePosition(id) === undefined && !id.startsWith(OWN_PREFIX), 'broadcast.id', `none of the plugin's own, such as "${FINAL_ID}" or a position`, id)
  demand(id !== 'head' && id !== 'oldest', 'broadcast.id', 'neither "head" nor "oldest": these are places', id)
}
