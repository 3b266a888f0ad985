import { OptionInvalid, OptionUnknown } from './errors.ts'

// The rules that options share. Each function throws FST_SSE_OPTION_INVALID or FST_SSE_OPTION_UNKNOWN; the error names the option, the rule
// and the kind of the value.

/**
 * @param rule The completion of "must be …" in the message.
 * @throws FST_SSE_OPTION_INVALID when the rule does not hold.
 */
export function demand (holds: boolean, option: string, rule: string, value: unknown): asserts holds {
  if (!holds) throw new OptionInvalid(option, rule, value)
}

/**
 * Calls a function that reads options at registration, and makes its errors show the value. Errors of later calls must not show it,
 * because they are thrown while a request is served, and end up in responses.
 */
export function atRegistration<T> (read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof OptionInvalid || error instanceof OptionUnknown ? error.shown() : error
  }
}

export function isObject (value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isPath (value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('/')
}

/** Reads an object that has none but the given keys. */
export function readObject<T extends object> (option: string, value: T, keys: readonly string[]): T {
  demand(isObject(value), option, `an object with the keys ${keys.join(', ')}`, value)
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) throw new OptionUnknown(option, key, keys.join(', '))
  }
  return value
}

export function readFunction<F> (option: string, value: F): F {
  demand(typeof value === 'function', option, 'a function', value)
  return value
}

export function readBoolean (option: string, value: boolean): boolean {
  demand(typeof value === 'boolean', option, 'true or false', value)
  return value
}

export function readLimit (option: string, value: number): number {
  demand(value === Infinity || (Number.isSafeInteger(value) && value >= 0), option, 'a non-negative integer, or Infinity', value)
  return value
}

/** Reads a time in milliseconds; `false` becomes `Infinity`, never. */
export function readTimeout (option: string, value: number | false): number {
  return value === false ? Infinity : readLimit(option, value)
}
