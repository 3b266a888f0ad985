import { readBoolean, readObject } from '../option-rules.ts'

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

/** @param call The one that is given them. */
export function readCloseOptions (call: 'close' | 'disconnect', options: CloseOptions): { final: boolean } {
  const { final = false } = readObject(call, options, ['final'])
  return { final: readBoolean(`${call}.final`, final) }
}

export function readStreamOptions (options: StreamOptions): { end: boolean } {
  const { end = true } = readObject('stream', options, ['end'])
  return { end: readBoolean('stream.end', end) }
}
