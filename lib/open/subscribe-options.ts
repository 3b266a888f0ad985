import { types } from 'node:util'
import type { SubscriberContext } from '../augmentable.ts'
import { demandChannels, EVERYBODY, readChannels } from '../log/channel-name.ts'
import { demand, isObject, readBoolean, readObject } from '../option-rules.ts'
import { PLAIN, plainForm, type StreamForm } from '../wire/stream-form.ts'

/**
 * The options of `app.sse.subscribe`, and the result of the option `subscribe`.
 *
 * @see docs/options.md
 */
export interface SubscribeOptions {
  /** The names of all channels that the subscriber hears; `[]`: only events that are sent to it alone. @defaultValue [EVERYBODY] */
  readonly channels?: readonly string[]
  /**
   * The start of a reader without a last event ID. `'head'`: new events only. `'oldest'`: all kept events. An event ID: the events after it.
   * The `id` of a broadcast works if exactly one kept event has it. An unknown event ID causes a gap, not an error.
   *
   * @defaultValue 'head'
   */
  readonly from?: 'head' | 'oldest' | (string & {}) | undefined
  /** True: a reader with a last event ID resumes after it. False: every reader starts at `from`. @defaultValue true */
  readonly resume?: boolean | undefined
  /** Data of yours about the reader, which `subscriber.context` returns. Augment `SubscriberContext` to type it. @defaultValue {} */
  readonly context?: SubscriberContext | undefined
  /**
   * The time at which the reader's permission ends, such as the `exp` of a token. The stream then ends with the close reason `expired`, at
   * most a second later. The reader reconnects, and your hooks decide again. The wall clock is read only once, by this call.
   *
   * @defaultValue never
   */
  readonly expiresAt?: Date | undefined
  /** Whether the stream is plain. @defaultValue false; for the stream route the option `plain` of the plugin */
  readonly plain?: Plain | undefined
}

/**
 * A plain stream has no events of the plugin (`sse.*`), for programs that take every event for one of the application. `end`: the data of a last,
 * unnamed event of a stream that the application ends, such as `[DONE]`.
 *
 * @see docs/wire-format.md
 */
export type Plain = boolean | { readonly end: string }

const SUBSCRIBE_OPTIONS = ['channels', 'from', 'resume', 'context', 'expiresAt', 'plain']

/** The options of a subscriber, complete and checked. */
export interface Subscription {
  readonly channels: readonly string[]
  /** Undefined: from the head. */
  readonly from: string | undefined
  readonly resume: boolean
  readonly context: SubscriberContext
  /** Milliseconds since 1970; Infinity: never. */
  readonly expiresAt: number
  /** The form of the stream; undefined: the form with the events of the plugin. */
  readonly form: StreamForm | undefined
}

/**
 * Reads the options of `subscribe`.
 *
 * @param byDefault The default of `plain`.
 * @throws FST_SSE_OPTION_INVALID, FST_SSE_OPTION_UNKNOWN or FST_SSE_CHANNEL_INVALID when an option is wrong.
 */
export function readSubscribeOptions (options: SubscribeOptions, byDefault: Plain = false): Subscription {
  const { channels = [EVERYBODY], from, resume = true, context = {}, expiresAt, plain = byDefault } =
    readObject('subscribe', options, SUBSCRIBE_OPTIONS)
  demandChannels('subscribe', options, 'a list of channels')
  demand(Array.isArray(channels), 'subscribe.channels', 'a list of channels', channels)
  demand(from === undefined || typeof from === 'string', 'subscribe.from', '"head", "oldest" or an event ID', from)
  return {
    channels: readChannels(channels),
    from: from === '' ? undefined : from,
    resume: readBoolean('subscribe.resume', resume),
    context,
    expiresAt: readExpiry(expiresAt),
    form: formOf(readPlain('subscribe.plain', plain))
  }
}

function readExpiry (expiresAt: Date | undefined): number {
  if (expiresAt === undefined) return Infinity
  demand(types.isDate(expiresAt) && !Number.isNaN(expiresAt.getTime()), 'subscribe.expiresAt', 'a valid Date', expiresAt)
  return expiresAt.getTime()
}

/** Reads an option `plain`. @throws FST_SSE_OPTION_INVALID or FST_SSE_OPTION_UNKNOWN when the value is wrong. */
export function readPlain (option: string, plain: Plain): Plain {
  if (typeof plain === 'boolean') return plain
  demand(isObject(plain), option, 'true, false, or { end }', plain)
  const { end } = readObject(option, plain, ['end'])
  demand(typeof end === 'string', `${option}.end`, 'text', end)
  return { end }
}

function formOf (plain: Plain): StreamForm | undefined {
  if (typeof plain === 'object') return plainForm(plain.end)
  return plain ? PLAIN : undefined
}
