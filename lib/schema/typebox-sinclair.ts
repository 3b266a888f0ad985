import type { TSchema } from '@sinclair/typebox'
import type { TypeCheck as CompiledCheck } from '@sinclair/typebox/compiler'
import { loadSinclair, otherSinclairs, type Sinclair } from '../optional-packages.ts'
import type { Schema } from './schema.ts'
import { provideFormats } from './string-formats.ts'
import { firstAtEachPlace, KindUnknown, type Kinds, type TypeCheck, type TypeLine } from './type-check.ts'
import { isProvided, Kind, markProvided } from './type-marks.ts'

// Checks schemas of `@sinclair/typebox` 0.34.

// TypeBox 0.34 calls a custom check only through its registry, which is global to the process. The schema therefore carries the function.
const FUNCTION_KIND = 'fastify-typed-sse:function'

type FunctionSchema = Schema & { accepts (value: unknown): boolean }

/** True if a check exists that the application has registered. */
function isOwn (check: object | undefined): boolean {
  return check !== undefined && !isProvided(check)
}

/** Loads `@sinclair/typebox` 0.34. @throws PackageMissing when it is not installed. */
export async function load (): Promise<TypeLine> {
  return new SinclairLine(await loadSinclair())
}

/** The TypeBox line `@sinclair/typebox` 0.34. */
class SinclairLine implements TypeLine {
  readonly #typeBox: Sinclair
  readonly kinds: Kinds

  constructor (typeBox: Sinclair) {
    this.#typeBox = typeBox
    this.kinds = new RegisteredKinds(typeBox.TypeRegistry)
    typeBox.TypeRegistry.Set(FUNCTION_KIND, (schema: FunctionSchema, value) => schema.accepts(value))
  }

  compile (schema: Schema, definitions: readonly Schema[]): TypeCheck {
    const compiled = this.#compile(schema as TSchema, definitions.filter(({ $id }) => $id !== undefined) as TSchema[])
    return {
      check: (value) => compiled.Check(value),
      failures: (value) => firstAtEachPlace(compiled.Errors(value), ({ path, message: rule, value: part }) => (
        { failure: { path, rule, value: part }, safeRule: rule }
      ))
    }
  }

  #compile (schema: TSchema, definitions: TSchema[]): CompiledCheck<TSchema> {
    const { Type, TypeCompiler, TypeCompilerUnknownTypeError } = this.#typeBox
    // The check of a recursive type calls itself by name, and the compiler defines the name only when it visits the type. This union accepts
    // every value, and makes the compiler visit all definitions.
    const visited = { [Kind]: 'Union', anyOf: [Type.Unknown(), ...definitions] }
    const whole = definitions.length === 0 ? schema : { [Kind]: 'Intersect', allOf: [visited, schema] } as unknown as TSchema
    try {
      return TypeCompiler.Compile(whole, definitions)
    } catch (error) {
      throw error instanceof TypeCompilerUnknownTypeError ? new KindUnknown((error.schema as Schema)[Kind] ?? '') : error
    }
  }

  checkedBy (accepts: (value: unknown) => boolean): Schema {
    return { [Kind]: FUNCTION_KIND, accepts } as Schema
  }

  async provideFormats (names: Iterable<string>): Promise<string | undefined> {
    const { FormatRegistry } = this.#typeBox
    return provideFormats(names, FormatRegistry, async (name) => {
      const others = await otherSinclairs()
      const other = others.find(({ FormatRegistry }) => isOwn(FormatRegistry.Get(name)))
      // Looked up at each check, because the application may replace it.
      return other === undefined ? undefined : markProvided((value) => other.FormatRegistry.Get(name)?.(value) ?? false)
    })
  }
}

/** The kinds of types in TypeBox's `TypeRegistry`. */
class RegisteredKinds implements Kinds {
  readonly #registry: Sinclair['TypeRegistry']

  constructor (registry: Sinclair['TypeRegistry']) {
    this.#registry = registry
  }

  has (kind: string): boolean {
    return this.#registry.Has(kind)
  }

  async adopt (kind: string): Promise<boolean> {
    const others = await otherSinclairs()
    const other = others.find(({ TypeRegistry }) => isOwn(TypeRegistry.Get(kind)))
    if (other === undefined) return false
    // Looked up at each check, because the application may replace it.
    this.#registry.Set(kind, markProvided((schema: unknown, value: unknown) => other.TypeRegistry.Get(kind)?.(schema, value) ?? false))
    return true
  }
}
