import type { SchemaScope } from './schema-scope.ts'
import { type Schema, SCHEMAS_BY_NAME, SCHEMAS_OF_PARTS, SCHEMAS_OF_WHOLE } from './schema.ts'

// Derives schemas whose checks cover one level of a value.

/** A schema whose check covers one level of a value, and calls a function for the next. */
export interface Shallow {
  readonly schema: Schema
  /** The named schemas that it may still refer to, shallow too. */
  readonly definitions: readonly Schema[]
}

/**
 * Replaces every reference in a part of the value. Only references make a schema recursive, so the result is finite, and each object of a
 * payload is checked once per place instead of once per level above it.
 *
 * @param ask Returns a schema that accepts exactly the values that a place accepts.
 */
export function shallow<N> (schema: Schema, scope: SchemaScope<N>, ask: (place: N) => Schema): Shallow {
  const cut = new Cut(ask)
  const whole = cut.schema(schema, scope, false)
  if (!cut.keepsReferences) return { schema: whole, definitions: [] }
  return { schema: whole, definitions: scope.definitions.map(({ schema, scope }) => cut.schema(schema, scope, false)) }
}

// A part with one of these keywords is replaced. One with `unevaluated…` is replaced together with its members, because a replaced member would
// no longer tell which parts it evaluates.
const REPLACED = ['$ref', 'unevaluatedProperties', 'unevaluatedItems']

/** One derivation of a shallow schema. */
class Cut<N> {
  readonly #ask: (place: N) => Schema
  /** True if a reference remains that applies to the value itself. */
  keepsReferences = false

  constructor (ask: (place: N) => Schema) {
    this.#ask = ask
  }

  schema (schema: Schema, scope: SchemaScope<N>, isPart: boolean): Schema {
    if (typeof schema !== 'object') return schema
    const inner = scope.inside(schema)
    const place = inner.nodes.get(schema) ?? inner.conditions.get(schema)
    if (isPart && place !== undefined && REPLACED.some((keyword) => Object.hasOwn(schema, keyword))) return this.#ask(place)
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

  /** Replaces references in the value of one keyword. @returns `value` itself if it has none. */
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

/** Copies a schema with the marks of TypeBox, which are symbols or non-enumerable properties. */
function copyWith (schema: Schema, changed: ReadonlyMap<string, unknown>): Schema {
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema)) as object
  for (const [keyword, value] of changed) Object.defineProperty(copy, keyword, { value, enumerable: true, configurable: true, writable: true })
  return copy
}
