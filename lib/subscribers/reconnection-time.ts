import { demand, isObject, readObject } from '../option-rules.ts'

/** Milliseconds between which each subscriber's reconnection time is drawn, so that readers do not all come back at once. */
export interface ReconnectionTime {
  readonly min: number
  readonly max: number
}

/** @throws FST_SSE_OPTION_INVALID */
export function readReconnectionTime (value: number | ReconnectionTime): ReconnectionTime {
  const option = 'reconnectionTime'
  const rule = 'a whole number of milliseconds, or { min, max } with min at most max'
  demand(typeof value === 'number' || isObject(value), option, rule, value)
  const { min, max } = typeof value === 'number' ? { min: value, max: value } : readObject(option, value, ['min', 'max'])
  demand(Number.isSafeInteger(min) && Number.isSafeInteger(max) && min >= 0 && min <= max, option, rule, value)
  return { min, max }
}
