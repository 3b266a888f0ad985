import { Kind, Type, TypeRegistry, type TSchema } from '@sinclair/typebox'
import { TypeCompiler, TypeCompilerUnknownTypeError, type TypeCheck as CompiledCheck } from '@sinclair/typebox/compiler'
import type { BrokenRule } from './failure-text.ts'
import { provideFormats, type Formats } from './formats.ts'
import type { Schema } from './schema.ts'

/** A schema, compiled. */
export interface TypeCheck {
  check (value: unknown): boolean
  /** The rules a value breaks: the first at each place, at most `MAX_FAILURES`. */
  failures (value: unknown): BrokenRule[]
}

/** Compiles the schemas of one TypeBox line. */
export interface TypeLine {
  /** @throws where the schema is none of this line, or holds a type that cannot be checked. */
  compile (schema: Schema, definitions: readonly Schema[]): TypeCheck
  /** A schema whose check is a function. It can stand in other schemas of this line. */
  checkedBy (accepts: (value: unknown) => boolean): Schema
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

// TypeBox 0.34 calls a function only by way of its registry, which is one for the process. The function itself comes with the schema.
const FUNCTION_KIND = 'fastify-typed-sse:function'

const sinclairLine: TypeLine = {
  compile (schema, definitions) {
    const compiled = compileSinclair(schema as TSchema, definitions.filter(({ $id }) => $id !== undefined) as TSchema[])
    return {
      check: (value) => compiled.Check(value),
      failures: (value) => firstAtEachPlace(compiled.Errors(value), ({ path, message: rule, value: part }) => (
        { failure: { path, rule, value: part }, told: rule }
      ))
    }
  },
  checkedBy (accepts) {
    TypeRegistry.Set(FUNCTION_KIND, (schema: { accepts (value: unknown): boolean }, value) => schema.accepts(value))
    return { [Kind]: FUNCTION_KIND, accepts } as Schema
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

// Rules whose own words hold something of the payload: the names it has, or whatever the function of a refinement makes of it.
const TOLD: Readonly<Record<string, string>> = {
  propertyNames: 'must not have properties of such names',
  '~refine': 'must pass its refinement'
}

async function loadNextLine (): Promise<TypeLine> {
  const [{ Compile }, { Format }] = await Promise.all([import('typebox/compile'), import('typebox/format')])
  return {
    compile (schema, definitions) {
      const context = Object.fromEntries(definitions.flatMap((definition) => definition.$id === undefined ? [] : [[definition.$id, definition]]))
      const compiled = Compile(context, schema)
      return {
        check: (value) => compiled.Check(value),
        failures: (value) => firstAtEachPlace(compiled.Errors(value), ({ instancePath: path, keyword, message: rule }) => (
          { failure: { path, rule, value: partAt(value, path) }, told: TOLD[keyword] ?? rule }
        ))
      }
    },
    checkedBy: (accepts) => ({ '~refine': [{ check: accepts, error: () => 'must fit' }] }) as Schema,
    provideFormats: (names) => provideFormats(names, Format as Formats)
  }
}

/** A missing property is no string either: one word about each place is enough. */
function firstAtEachPlace<E> (errors: Iterable<E>, toBroken: (error: E) => BrokenRule): BrokenRule[] {
  const broken = new Map<string, BrokenRule>()
  for (const error of errors) {
    const rule = toBroken(error)
    if (!broken.has(rule.failure.path)) broken.set(rule.failure.path, rule)
    if (broken.size === MAX_FAILURES) break
  }
  return [...broken.values()]
}

/** The part of a value that a JSON Pointer names. */
function partAt (value: unknown, path: string): unknown {
  const keys = path.split('/').slice(1).map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  return keys.reduce((part: unknown, key) => (part as Record<string, unknown> | null | undefined)?.[key], value)
}
