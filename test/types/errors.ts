// Read by the compiler alone. An expected error that does not come is an error itself.

import ssePlugin, { errorCodes, type Failure, type PayloadInvalid, type SseError } from '../../plugin.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
/** Compiles where a value is of exactly that type. */
declare function isExactly<T> (): <V>(value: V, ...different: Same<T, V> extends true ? [] : [never]) => void

export function anInstanceHasTheCodeOfItsClass (error: unknown): void {
  if (error instanceof errorCodes.FST_SSE_CLOSED) {
    isExactly<SseError<'FST_SSE_CLOSED'>>()(error)
    isExactly<'FST_SSE_CLOSED'>()(error.code)
  }
  if (error instanceof ssePlugin.errorCodes.FST_SSE_OPTION_INVALID) isExactly<'FST_SSE_OPTION_INVALID'>()(error.code)
  if (error instanceof errorCodes.FST_SSE_PAYLOAD_INVALID) {
    isExactly<PayloadInvalid>()(error)
    isExactly<'FST_SSE_PAYLOAD_INVALID'>()(error.code)
    isExactly<readonly Failure[]>()(error.failures)
  }
}

export function aClassIsThereToBeComparedWith (): void {
  // @ts-expect-error: there is no such code
  void errorCodes.FST_SSE_NOTHING
  // @ts-expect-error: an application constructs none
  void new errorCodes.FST_SSE_CLOSED('tick')
}
