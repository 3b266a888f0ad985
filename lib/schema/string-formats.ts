import type { fullFormats } from 'ajv-formats/dist/formats.js'
import { loadAjvFormats } from '../optional-packages.ts'
import { given, isGiven } from './type-marks.ts'

type Format = typeof fullFormats[keyof typeof fullFormats]
type Check = (value: string) => boolean

/** The registry of string formats of either TypeBox line. */
export interface Formats {
  Get (name: string): Check | undefined
  Set (name: string, check: Check): unknown
}

/**
 * Makes string formats known to TypeBox, which fails every value of a format it does not know: those that Fastify's own
 * validation knows (the full list of ajv-formats), unless the application has its own of that name.
 *
 * @param find Finds a format of the application that this registry does not have.
 * @returns The first name that nobody knows.
 */
export async function provideFormats (
  names: Iterable<string>, registry: Formats, find: (name: string) => Promise<Check | undefined> = async () => undefined
): Promise<string | undefined> {
  for (const name of names) {
    const known = registry.Get(name)
    if (known !== undefined && !isGiven(known)) continue
    const check = await find(name) ?? known ?? await knownToAjv(name)
    if (check === undefined) return name
    registry.Set(name, check)
  }
  return undefined
}

async function knownToAjv (name: string): Promise<Check | undefined> {
  const { fullFormats } = await loadAjvFormats()
  const check = Object.hasOwn(fullFormats, name) ? toCheck(fullFormats[name as keyof typeof fullFormats]) : undefined
  return check === undefined ? undefined : given(check)
}

function toCheck (format: Format): Check | undefined {
  // A hint without a rule: password, binary.
  if (format === true) return () => true
  if (format instanceof RegExp) return (value) => format.test(value)
  if (typeof format === 'function') return (value) => format(value) === true
  if (typeof format === 'object' && format.type !== 'number' && format.async !== true) return toCheck(format.validate as Format)
  // A rule for numbers: true of every string.
  return () => true
}
