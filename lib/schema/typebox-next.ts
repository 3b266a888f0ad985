import { loadNext, type Next } from '../optional-packages.ts'
import type { Schema } from './schema.ts'
import { type Formats, provideFormats } from './string-formats.ts'
import { firstAtEachPlace, type TypeCheck, type TypeLine } from './type-check.ts'

// Checks schemas of `typebox` 1.x.

// Replacement texts for rules whose own text may contain data of the payload: its keys, or the message of a refinement.
const SAFE_RULES: Readonly<Record<string, string>> = {
  propertyNames: 'must have valid property names',
  '~refine': 'must pass its refinement'
}

/** Loads `typebox` 1.x. @throws PackageMissing when it is not installed. */
export async function load (): Promise<TypeLine> {
  return new NextLine(await loadNext())
}

/** The TypeBox line `typebox` 1.x. */
class NextLine implements TypeLine {
  readonly #typeBox: Next

  constructor (typeBox: Next) {
    this.#typeBox = typeBox
  }

  compile (schema: Schema, definitions: readonly Schema[]): TypeCheck {
    const context = Object.fromEntries(definitions.flatMap((definition) => definition.$id === undefined ? [] : [[definition.$id, definition]]))
    const compiled = this.#typeBox.Compile(context, schema)
    return {
      check: (value) => compiled.Check(value),
      failures: (value) => firstAtEachPlace(compiled.Errors(value), ({ instancePath: path, keyword, message: rule }) => (
        { failure: { path, rule, value: partAt(value, path) }, safeRule: SAFE_RULES[keyword] ?? rule }
      ))
    }
  }

  checkedBy (accepts: (value: unknown) => boolean): Schema {
    return { '~refine': [{ check: accepts, error: () => 'must fit' }] } as Schema
  }

  provideFormats (names: Iterable<string>): Promise<string | undefined> {
    return provideFormats(names, this.#typeBox.Format as Formats)
  }
}

/** The part of a value that a JSON Pointer names. */
function partAt (value: unknown, path: string): unknown {
  const keys = path.split('/').slice(1).map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  return keys.reduce((part: unknown, key) => (part as Record<string, unknown> | null | undefined)?.[key], value)
}
