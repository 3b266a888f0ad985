import { OptionInvalid, OptionUnknown } from './errors.ts'

// The rules that options share. Each throws FST_SSE_OPTION_INVALID or FST_SSE_OPTION_UNKNOWN, and names the option, the rule and the kind of
// the value.

export function demand (holds: boolean, option: string, rule: string, value: unknown): asserts holds {
  if (!holds) throw new OptionInvalid(option, rule, value)
}

/**
 * Reads what an application gives when it registers the plugin: its errors show the value. Those of later calls are thrown where a
 * request is served, and end in answers.
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

/** An object without any other keys. */
export function readObject<T extends object> (option: string, value: T, keys: readonly string[]): T {
  demand(isObject(value), option, `an object of ${keys.join(', ')}`, value)
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
  demand(value === Infinity || (Number.isSafeInteger(value) && value >= 0), option, 'a whole number from 0, or Infinity', value)
  return value
}

/** Milliseconds; false is Infinity: never. */
export function readTimeout (option: string, value: number | false): number {
  return value === false ? Infinity : readLimit(option, value)
}
