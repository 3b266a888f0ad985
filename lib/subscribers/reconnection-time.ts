import { demand, isObject, readObject } from '../option-rules.ts'

/**
 * The bounds of the reconnection time. Each reader gets a random time between them, so that readers do not all reconnect simultaneously.
 *
 * @see docs/options.md
 */
export interface ReconnectionTime {
  /** Milliseconds, at most `max`. */
  readonly min: number
  /** Milliseconds. */
  readonly max: number
}

/**
 * Reads the option `reconnectionTime`.
 *
 * @throws FST_SSE_OPTION_INVALID or FST_SSE_OPTION_UNKNOWN when the value is not of this form.
 */
export function readReconnectionTime (value: number | ReconnectionTime): ReconnectionTime {
  const option = 'reconnectionTime'
  const rule = 'a non-negative integer, or { min, max } with two such integers, min at most max'
  demand(typeof value === 'number' || isObject(value), option, rule, value)
  const { min, max } = typeof value === 'number' ? { min: value, max: value } : readObject(option, value, ['min', 'max'])
  demand(Number.isSafeInteger(min) && Number.isSafeInteger(max) && min >= 0 && min <= max, option, rule, value)
  return { min, max }
}
