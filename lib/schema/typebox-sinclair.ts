import type { TSchema } from '@sinclair/typebox'
import type { TypeCheck as CompiledCheck } from '@sinclair/typebox/compiler'
import { loadSinclair, otherSinclairs, type Sinclair } from '../optional-packages.ts'
import type { Schema } from './schema.ts'
import { provideFormats } from './string-formats.ts'
import { firstAtEachPlace, KindUnknown, type TypeCheck, type TypeLine } from './type-check.ts'
import { given, isGiven, Kind } from './type-marks.ts'

// TypeBox 0.34 calls a function only by way of its registry, which is one for the process. The function itself comes with the schema.
const FUNCTION_KIND = 'fastify-typed-sse:function'

type FunctionSchema = Schema & { accepts (value: unknown): boolean }

/** Whether there is a check that the application registered. */
function isOwn (check: object | undefined): boolean {
  return check !== undefined && !isGiven(check)
}

/** @throws PackageMissing */
export async function load (): Promise<TypeLine> {
  return new SinclairLine(await loadSinclair())
}

/** `@sinclair/typebox` 0.34. */
class SinclairLine implements TypeLine {
  readonly #typeBox: Sinclair

  constructor (typeBox: Sinclair) {
    this.#typeBox = typeBox
    typeBox.TypeRegistry.Set(FUNCTION_KIND, (schema: FunctionSchema, value) => schema.accepts(value))
  }

  compile (schema: Schema, definitions: readonly Schema[]): TypeCheck {
    const compiled = this.#compile(schema as TSchema, definitions.filter(({ $id }) => $id !== undefined) as TSchema[])
    return {
      check: (value) => compiled.Check(value),
      failures: (value) => firstAtEachPlace(compiled.Errors(value), ({ path, message: rule, value: part }) => (
        { failure: { path, rule, value: part }, told: rule }
      ))
    }
  }

  #compile (schema: TSchema, definitions: TSchema[]): CompiledCheck<TSchema> {
    const { Type, TypeCompiler, TypeCompilerUnknownTypeError } = this.#typeBox
    // A recursive type calls itself by a name, which exists only where the compiler has met the whole of that type.
    const met = { [Kind]: 'Union', anyOf: [Type.Unknown(), ...definitions] }
    const whole = definitions.length === 0 ? schema : { [Kind]: 'Intersect', allOf: [met, schema] } as unknown as TSchema
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
      // Asked at each check: the application may replace it.
      return other === undefined ? undefined : given((value) => other.FormatRegistry.Get(name)?.(value) ?? false)
    })
  }

  isRegistered (kind: string): boolean {
    return this.#typeBox.TypeRegistry.Has(kind)
  }

  async adopt (kind: string): Promise<boolean> {
    const others = await otherSinclairs()
    const other = others.find(({ TypeRegistry }) => isOwn(TypeRegistry.Get(kind)))
    if (other === undefined) return false
    this.#typeBox.TypeRegistry.Set(kind, given((schema: unknown, value: unknown) => other.TypeRegistry.Get(kind)?.(schema, value) ?? false))
    return true
  }
}
