import { createRequire } from 'node:module'
import { FormatRegistry } from '@sinclair/typebox'
import { fullFormats } from 'ajv-formats/dist/formats.js'

type Format = typeof fullFormats[keyof typeof fullFormats]

/** The registry of string formats of either TypeBox line. */
export interface Formats {
  Has (name: string): boolean
  Get (name: string): ((value: string) => boolean) | undefined
  Set (name: string, check: (value: string) => boolean): unknown
}

/**
 * Makes string formats known to TypeBox, which fails every value of a format it does not know: those that Fastify's own
 * validation knows (the full list of ajv-formats), unless the application has its own of that name.
 *
 * @returns The first name that nobody knows.
 */
export function provideFormats (names: Iterable<string>, registry: Formats = FormatRegistry): string | undefined {
  for (const name of names) {
    if (registry.Has(name)) continue
    const check = registeredByRequire(name) ?? knownToAjv(name)
    if (check === undefined) return name
    registry.Set(name, check)
  }
  return undefined
}

/** TypeBox has a registry for `import` and another for `require`: an application of CommonJS modules registers its formats there. */
function registeredByRequire (name: string): ((value: string) => boolean) | undefined {
  const { cache, resolve } = createRequire(import.meta.url)
  const loaded = cache[resolve('@sinclair/typebox')]?.exports as { FormatRegistry: Formats } | undefined
  return loaded?.FormatRegistry.Get(name)
}

function knownToAjv (name: string): ((value: string) => boolean) | undefined {
  return Object.hasOwn(fullFormats, name) ? toCheck(fullFormats[name as keyof typeof fullFormats]) : undefined
}

function toCheck (format: Format): ((value: string) => boolean) | undefined {
  // A hint without a rule: password, binary.
  if (format === true) return () => true
  if (format instanceof RegExp) return (value) => format.test(value)
  if (typeof format === 'function') return (value) => format(value) === true
  if (typeof format === 'object' && format.type !== 'number' && format.async !== true) return toCheck(format.validate as Format)
  // A rule for numbers: true of every string.
  return () => true
}
