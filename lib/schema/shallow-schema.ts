import type { SchemaScope } from './schema-scope.ts'
import { type Schema, SCHEMAS_BY_NAME, SCHEMAS_OF_PARTS, SCHEMAS_OF_WHOLE } from './schema.ts'

/** A schema whose check looks at one level of a value and asks for the rest. */
export interface Shallow {
  readonly schema: Schema
  /** The named schemas that it still refers to, shallow as well. */
  readonly definitions: readonly Schema[]
}

/**
 * Replaces each reference that stands in a part of the value. Only references make a schema recursive, so what is left has an end,
 * and each object of a payload is checked once per place instead of once per level above it.
 *
 * @param ask A schema that accepts what a place accepts.
 */
export function shallow<N> (schema: Schema, scope: SchemaScope<N>, ask: (place: N) => Schema): Shallow {
  const cut = new Cut(ask)
  const whole = cut.schema(schema, scope, false)
  if (!cut.keepsReferences) return { schema: whole, definitions: [] }
  return { schema: whole, definitions: scope.definitions.map(({ schema, scope }) => cut.schema(schema, scope, false)) }
}

// The last two are asked about as one with their members: a member that is replaced would no longer tell which parts it evaluates.
const ASKED = ['$ref', 'unevaluatedProperties', 'unevaluatedItems']

class Cut<N> {
  readonly #ask: (place: N) => Schema
  /** Whether a reference stands that speaks of the value itself. */
  keepsReferences = false

  constructor (ask: (place: N) => Schema) {
    this.#ask = ask
  }

  schema (schema: Schema, scope: SchemaScope<N>, isPart: boolean): Schema {
    if (typeof schema !== 'object') return schema
    const inner = scope.inside(schema)
    const place = inner.nodes.get(schema) ?? inner.questions.get(schema)
    if (isPart && place !== undefined && ASKED.some((keyword) => Object.hasOwn(schema, keyword))) return this.#ask(place)
    if (schema.$ref !== undefined) this.keepsReferences = true
    const changed = new Map<string, unknown>()
    for (const [keywords, isBelow] of [[SCHEMAS_OF_PARTS, true], [SCHEMAS_OF_WHOLE, isPart]] as const) {
      for (const keyword of keywords) {
        if (!Object.hasOwn(schema, keyword)) continue
        const cut = this.#within(keyword, schema[keyword], (child) => this.schema(child, inner, isBelow))
        if (cut !== schema[keyword]) changed.set(keyword, cut)
      }
    }
    return changed.size === 0 ? schema : copyWith(schema, changed)
  }

  /** @returns `value` itself where nothing in it is replaced. */
  #within (keyword: string, value: unknown, cut: (child: Schema) => Schema): unknown {
    const child = (one: unknown): unknown => typeof one === 'object' && one !== null && !Array.isArray(one) ? cut(one) : one
    if (Array.isArray(value)) {
      const list = value.map(child)
      return list.some((one, index) => one !== value[index]) ? list : value
    }
    if (!SCHEMAS_BY_NAME.includes(keyword)) return child(value)
    const entries = Object.entries(value as object)
    const cutEntries = entries.map(([key, one]) => [key, child(one)] as const)
    return cutEntries.some(([, one], index) => one !== entries[index]?.[1]) ? Object.fromEntries(cutEntries) : value
  }
}

/** A copy with its marks: TypeBox keeps them under symbols, or hidden. */
function copyWith (schema: Schema, changed: ReadonlyMap<string, unknown>): Schema {
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema)) as object
  for (const [keyword, value] of changed) Object.defineProperty(copy, keyword, { value, enumerable: true, configurable: true, writable: true })
  return copy
}
