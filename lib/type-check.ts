import { Kind, Type, type TSchema } from '@sinclair/typebox'
import { TypeCompiler, TypeCompilerUnknownTypeError, type TypeCheck as CompiledCheck } from '@sinclair/typebox/compiler'
import type { Failure } from './errors.ts'
import { provideFormats, type Formats } from './formats.ts'
import type { Schema } from './schema-node.ts'

/** A schema, compiled. */
export interface TypeCheck {
  check (value: unknown): boolean
  /** The rules a value breaks: the first at each place, at most `MAX_FAILURES`. */
  failures (value: unknown): Failure[]
}

/** Compiles the schemas of one TypeBox line. */
export interface TypeLine {
  /** @throws where the schema is none of this line, or holds a type that cannot be checked. */
  compile (schema: Schema, definitions: readonly Schema[]): TypeCheck
  /** Makes formats known; returns the first that nobody knows. */
  provideFormats (names: Iterable<string>): string | undefined
}

// A list of a hundred thousand broken items would otherwise become a message of megabytes.
const MAX_FAILURES = 20

/**
 * The line that a schema is of: `@sinclair/typebox` 0.34, or `typebox` 1.x, which is loaded only here and only then.
 *
 * @returns Undefined where it is a schema of neither.
 */
export async function typeLineOf (schema: Schema): Promise<TypeLine | undefined> {
  if (Kind in schema) return sinclairLine
  return '~kind' in schema || '~unsafe' in schema ? await loadNextLine() : undefined
}

const sinclairLine: TypeLine = {
  compile (schema, definitions) {
    const compiled = compileSinclair(schema as TSchema, definitions.filter(({ $id }) => $id !== undefined) as TSchema[])
    return {
      check: (value) => compiled.Check(value),
      failures: (value) => firstAtEachPlace(compiled.Errors(value), ({ path, message: rule, value: part }) => ({ path, rule, value: part }))
    }
  },
  provideFormats: (names) => provideFormats(names)
}

function compileSinclair (schema: TSchema, definitions: TSchema[]): CompiledCheck<TSchema> {
  // A recursive type calls itself by a name, which exists only where the compiler has met the whole of that type.
  const met = { [Kind]: 'Union', anyOf: [Type.Unknown(), ...definitions] }
  const whole = definitions.length === 0 ? schema : { [Kind]: 'Intersect', allOf: [met, schema] } as unknown as TSchema
  try {
    return TypeCompiler.Compile(whole, definitions)
  } catch (error) {
    if (!(error instanceof TypeCompilerUnknownTypeError)) throw error
    throw new Error(`TypeBox has no check for the type "${error.schema[Kind]}"; give it one in TypeBox's TypeRegistry`)
  }
}

async function loadNextLine (): Promise<TypeLine> {
  const [{ Compile }, { Format }] = await Promise.all([import('typebox/compile'), import('typebox/format')])
  return {
    compile (schema, definitions) {
      const context = Object.fromEntries(definitions.flatMap((definition) => definition.$id === undefined ? [] : [[definition.$id, definition]]))
      const compiled = Compile(context, schema)
      return {
        check: (value) => compiled.Check(value),
        failures: (value) => firstAtEachPlace(compiled.Errors(value), ({ instancePath: path, message: rule }) => ({ path, rule, value: partAt(value, path) }))
      }
    },
    provideFormats: (names) => provideFormats(names, Format as Formats)
  }
}

/** A missing property is no string either: one word about each place is enough. */
function firstAtEachPlace<E> (errors: Iterable<E>, toFailure: (error: E) => Failure): Failure[] {
  const failures = new Map<string, Failure>()
  for (const error of errors) {
    const failure = toFailure(error)
    if (!failures.has(failure.path)) failures.set(failure.path, failure)
    if (failures.size === MAX_FAILURES) break
  }
  return [...failures.values()]
}

/** The part of a value that a JSON Pointer names. */
function partAt (value: unknown, path: string): unknown {
  const keys = path.split('/').slice(1).map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  return keys.reduce((part: unknown, key) => (part as Record<string, unknown> | null | undefined)?.[key], value)
}
