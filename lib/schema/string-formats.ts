import type { fullFormats } from 'ajv-formats/dist/formats.js'
import { loadAjvFormats } from '../optional-packages.ts'
import { isProvided, markProvided } from './type-marks.ts'

// Registers string formats with TypeBox.

type Format = typeof fullFormats[keyof typeof fullFormats]
type Check = (value: string) => boolean

/** The registry of string formats of a TypeBox line. */
export interface Formats {
  Get (name: string): Check | undefined
  Set (name: string, check: Check): unknown
}

/**
 * Registers the formats of ajv-formats, which Fastify's own validation uses, with TypeBox, which rejects every value of an unknown format. A
 * format that the application has registered takes precedence.
 *
 * @param find Finds a format that the application has registered with another copy of TypeBox.
 * @returns The first name that is unknown; undefined if all are known.
 */
export async function provideFormats (
  names: Iterable<string>, registry: Formats, find: (name: string) => Promise<Check | undefined> = async () => undefined
): Promise<string | undefined> {
  for (const name of names) {
    const known = registry.Get(name)
    if (known !== undefined && !isProvided(known)) continue
    const check = await find(name) ?? known ?? await knownToAjv(name)
    if (check === undefined) return name
    registry.Set(name, check)
  }
  return undefined
}

/** The check of ajv-formats for a format; undefined if it has none. */
async function knownToAjv (name: string): Promise<Check | undefined> {
  const { fullFormats } = await loadAjvFormats()
  const check = Object.hasOwn(fullFormats, name) ? toCheck(fullFormats[name as keyof typeof fullFormats]) : undefined
  return check === undefined ? undefined : markProvided(check)
}

function toCheck (format: Format): Check | undefined {
  // A format without a rule, such as `password` and `binary`.
  if (format === true) return () => true
  if (format instanceof RegExp) return (value) => format.test(value)
  if (typeof format === 'function') return (value) => format(value) === true
  if (typeof format === 'object' && format.type !== 'number' && format.async !== true) return toCheck(format.validate as Format)
  // A format for numbers: any string passes it.
  return () => true
}
