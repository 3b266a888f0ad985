import { readBoolean, readObject } from '../option-rules.ts'

// Reads the options of the calls that end a stream: `close`, `disconnect` and `stream`.

/**
 * The options of `subscriber.close` and of `disconnect`.
 *
 * @see docs/options.md
 */
export interface CloseOptions {
  /** True: the reader is told to stay away, with `sse.close`, and with 204 if it connects again. @defaultValue false */
  readonly final?: boolean | undefined
}

/**
 * The options of `subscriber.stream`.
 *
 * @see docs/options.md
 */
export interface StreamOptions {
  /** True: the event stream ends for good when the source ends or fails. False: it stays open. @defaultValue true */
  readonly end?: boolean | undefined
}

/**
 * Reads the options of `close` or `disconnect`.
 *
 * @param call The name of the call, for errors.
 * @throws FST_SSE_OPTION_INVALID or FST_SSE_OPTION_UNKNOWN when an option is wrong.
 */
export function readCloseOptions (call: 'close' | 'disconnect', options: CloseOptions): { final: boolean } {
  const { final = false } = readObject(call, options, ['final'])
  return { final: readBoolean(`${call}.final`, final) }
}

/**
 * Reads the options of `stream`.
 *
 * @throws FST_SSE_OPTION_INVALID or FST_SSE_OPTION_UNKNOWN when an option is wrong.
 */
export function readStreamOptions (options: StreamOptions): { end: boolean } {
  const { end = true } = readObject('stream', options, ['end'])
  return { end: readBoolean('stream.end', end) }
}
