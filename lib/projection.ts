import { partsOf, type Parts } from './parts.ts'
import type { SchemaNode } from './schema-node.ts'

/**
 * What of a payload its schema declares.
 *
 * A property goes out if any part of the schema that accepted the value declares it: of a union all members that accept, of an
 * intersection all members together. So an event can be given a whole database row, and only what its schema names leaves.
 *
 * @param value A value that the schema accepts. Neither changed nor kept.
 * @returns The value itself where nothing in it can be left out, otherwise a copy of the declared parts.
 */
export function project (schema: SchemaNode, value: unknown): unknown {
  const projection = new Projection()
  const projected = projection.begin([schema], value)
  projection.finish()
  return projected
}

/** A list or an object, and the empty copy that takes its declared parts. */
type Copy =
  | { readonly from: readonly unknown[], readonly parts: readonly Parts[], readonly to: unknown[] }
  | { readonly from: Readonly<Record<string, unknown>>, readonly parts: readonly Parts[], readonly to: Record<string, unknown> }

/** One payload being projected. A list of copies to fill, not recursion: a payload may be deeper than the stack allows. */
class Projection {
  readonly #unfilled: Copy[] = []

  /** @param declared Every place of the schema that declares this value. @returns A copy that is still empty. */
  begin (declared: readonly SchemaNode[], value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const parts = partsOf(declared, value)
    if (parts === undefined) return value
    const copy: Copy = Array.isArray(value)
      ? { from: value as unknown[], parts, to: [] }
      : { from: value as Record<string, unknown>, parts, to: new Bare() }
    this.#unfilled.push(copy)
    return copy.to
  }

  finish (): void {
    for (let copy = this.#unfilled.pop(); copy !== undefined; copy = this.#unfilled.pop()) {
      if (Array.isArray(copy.to)) this.#fillList(copy.from as readonly unknown[], copy.parts, copy.to)
      else this.#fillObject(copy.from as Readonly<Record<string, unknown>>, copy.parts, copy.to)
    }
  }

  #fillList (list: readonly unknown[], parts: readonly Parts[], to: unknown[]): void {
    for (let index = 0; index < list.length; index++) {
      const declared = placesIn(parts, (part) => part.item(index))
      if (declared.length > 0) to.push(this.begin(declared, list[index]))
    }
  }

  #fillObject (value: Readonly<Record<string, unknown>>, parts: readonly Parts[], to: Record<string, unknown>): void {
    for (const key of keysOf(parts, value)) {
      const declared = placesIn(parts, (part) => part.property(key))
      if (declared.length > 0) to[key] = this.begin(declared, value[key])
    }
  }
}

function keysOf (parts: readonly Parts[], value: object): Iterable<string> {
  const keys = Object.keys(value)
  const prototype = Object.getPrototypeOf(value) as unknown
  if (prototype === Object.prototype || prototype === null) return keys
  return new Set([...keys, ...parts.flatMap((part) => part.inheritedKeysOf(value))])
}

/** Each place once: a recursive type would otherwise come once more with every level of the value. */
function placesIn (parts: readonly Parts[], placesOf: (part: Parts) => readonly SchemaNode[]): readonly SchemaNode[] {
  let places: readonly SchemaNode[] = []
  let merged: Set<SchemaNode> | undefined
  for (const part of parts) {
    const more = placesOf(part)
    if (more.length === 0) continue
    if (places.length === 0) places = more
    else for (const place of more) (merged ??= new Set(places)).add(place)
  }
  return merged === undefined ? places : [...merged]
}

/**
 * An object without inherited properties, so that one named `__proto__` or `toString` is one like any other.
 * V8 keeps the properties of `Object.create(null)` in a hash table, which takes about four times as long to fill and to stringify.
 */
const Bare = function () {} as unknown as { new (): Record<string, unknown>, prototype: object }
Bare.prototype = Object.freeze(Object.create(null) as object)
