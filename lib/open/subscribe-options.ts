import { types } from 'node:util'
import type { SubscriberContext } from '../augmentable.ts'
import { demandChannels, EVERYBODY, readChannels } from '../log/channel-name.ts'
import { demand, isObject, readBoolean, readObject } from '../option-rules.ts'

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

const SUBSCRIBE_OPTIONS = ['channels', 'from', 'resume', 'context', 'expiresAt']

/** Where and how a subscriber starts, complete. */
export interface Subscription {
  readonly channels: readonly string[]
  readonly from: string | undefined
  readonly resume: boolean
  readonly context: SubscriberContext
  /** Milliseconds since 1970; Infinity: never. */
  readonly expiresAt: number
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
