import type { SubscriberContext } from '../augmentable.ts'
import { type SubscribeOptions, type Subscription, readSubscribeOptions } from '../open/subscribe-options.ts'
import { demand, readLimit, readObject } from '../option-rules.ts'
import type { Source } from '../subscribers/stream-source.ts'

/** The bounds and defaults of runs. */
export interface RunSettings {
  readonly keepFor: number
  readonly maxBytes: number
  readonly maxRuns: number
}

/**
 * The options of `runs.start`.
 *
 * @see docs/runs.md
 */
export interface StartOptions {
  /** The ID of the run: 1 to 200 printable ASCII characters without spaces. @defaultValue an ID that cannot be guessed */
  readonly id?: string | undefined
  /** How long readers may come after the end, in milliseconds. @defaultValue the option `runs.keepFor` of the plugin, 60_000 */
  readonly keepFor?: number | undefined
  /** The memory that the items may take, in bytes. Beyond it the oldest leave. @defaultValue the option `runs.maxBytes` of the plugin, 4 MiB */
  readonly maxBytes?: number | undefined
  /** The run is stopped when it has had no reader on any node for this long, in milliseconds; `false`: never. @defaultValue false */
  readonly stopWhenUnread?: number | false | undefined
  /** Data of yours about the run, which `run.context` returns, and which is the default `context` of the readers of `run.subscribe`. @defaultValue {} */
  readonly context?: SubscriberContext | undefined
}

/** The options of `run.subscribe` and `runs.subscribe`: those of `subscribe` without `channels`. `from` is `'oldest'` by default. */
export type RunSubscribeOptions = Omit<SubscribeOptions, 'channels'>

/** An item of a run whose items are of several events. */
export type RunItem<E extends object> = { [K in keyof E & string]: { readonly event: K, readonly data: E[K] } }[keyof E & string]

/** The options of a run, complete and checked. */
export interface Starting {
  /** Undefined: it gets one that cannot be guessed. */
  readonly id: string | undefined
  readonly keepFor: number
  readonly maxBytes: number
  /** Milliseconds; Infinity: never. */
  readonly stopWhenUnread: number
  readonly context: SubscriberContext
}

/** True for a text that may be the ID of a run. */
export function isRunId (id: unknown): id is string {
  return typeof id === 'string' && /^[!-~]{1,200}$/.test(id)
}

/** Reads the option `runs` of the plugin. */
export function readRunSettings (runs: { readonly [K in keyof RunSettings]?: RunSettings[K] | undefined }): RunSettings {
  const { keepFor = 60_000, maxBytes = 4 * 1024 * 1024, maxRuns = 10_000 } = readObject('runs', runs, ['keepFor', 'maxBytes', 'maxRuns'])
  return {
    keepFor: readLimit('runs.keepFor', keepFor),
    maxBytes: readLimit('runs.maxBytes', maxBytes),
    maxRuns: readLimit('runs.maxRuns', maxRuns)
  }
}

/**
 * Reads the options of `runs.start`.
 *
 * @throws FST_SSE_OPTION_INVALID or FST_SSE_OPTION_UNKNOWN when an option is wrong.
 */
export function readStartOptions (options: StartOptions, settings: RunSettings): Starting {
  const { id, keepFor = settings.keepFor, maxBytes = settings.maxBytes, stopWhenUnread = false, context = {} } =
    readObject('start', options, ['id', 'keepFor', 'maxBytes', 'stopWhenUnread', 'context'])
  demand(id === undefined || isRunId(id), 'start.id', '1 to 200 printable ASCII characters without spaces', id)
  return {
    id,
    keepFor: readLimit('start.keepFor', keepFor),
    maxBytes: readLimit('start.maxBytes', maxBytes),
    stopWhenUnread: stopWhenUnread === false ? Infinity : readLimit('start.stopWhenUnread', stopWhenUnread),
    context
  }
}

/**
 * Reads the options of `run.subscribe`.
 *
 * @throws FST_SSE_OPTION_INVALID or FST_SSE_OPTION_UNKNOWN when an option is wrong.
 */
export function readRunSubscribeOptions (options: RunSubscribeOptions): Subscription {
  readObject('subscribe', options, ['from', 'resume', 'context', 'expiresAt', 'plain'])
  return readSubscribeOptions({ ...options, channels: [] })
}

/** The parameters of `start`, which are the event and the source, or the source alone, and the options. */
export function readStart (first: unknown, second: unknown, third: unknown): { event: string | undefined, source: Source<unknown>, options: StartOptions } {
  return typeof first === 'function'
    ? { event: undefined, source: first as Source<unknown>, options: (second ?? {}) as StartOptions }
    : { event: first as string, source: second as Source<unknown>, options: (third ?? {}) as StartOptions }
}
