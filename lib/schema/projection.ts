import { type Parts, partsOf } from './parts.ts'
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
  return new Projection().project([schema], value)
}

// Deeper payloads wait in a list, so that their depth is not limited by the stack.
const MAX_RECURSION = 100

/** One payload being projected. */
class Projection {
  readonly #waiting: Array<() => void> = []

  /** @param declared Every place of the schema that declares this value. */
  project (declared: readonly SchemaNode[], value: unknown): unknown {
    const projected = this.#part(declared, value, 0)
    for (let fill = this.#waiting.pop(); fill !== undefined; fill = this.#waiting.pop()) fill()
    return projected
  }

  /** @returns A copy that is filled now or, in a deep payload, later. */
  #part (declared: readonly SchemaNode[], value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null) return value
    const parts = partsOf(declared, value)
    if (parts === undefined) return value
    const copy = Array.isArray(value) ? [] : new Bare()
    if (depth < MAX_RECURSION) this.#fill(copy, parts, value, depth + 1)
    else this.#waiting.push(() => { this.#fill(copy, parts, value, 0) })
    return copy
  }

  #fill (copy: unknown[] | Record<string, unknown>, parts: readonly Parts[], value: object, depth: number): void {
    if (Array.isArray(copy)) this.#fillList(copy, parts, value as readonly unknown[], depth)
    else this.#fillObject(copy, parts, value as Readonly<Record<string, unknown>>, depth)
  }

  #fillList (copy: unknown[], parts: readonly Parts[], list: readonly unknown[], depth: number): void {
    for (let index = 0; index < list.length; index++) {
      const declared = placesIn(parts, (part) => part.item(index))
      if (declared.length > 0) copy.push(this.#part(declared, list[index], depth))
    }
  }

  #fillObject (copy: Record<string, unknown>, parts: readonly Parts[], value: Readonly<Record<string, unknown>>, depth: number): void {
    for (const key of keysOf(parts, value)) {
      const declared = placesIn(parts, (part) => part.property(key))
      if (declared.length > 0) copy[key] = this.#part(declared, value[key], depth)
    }
  }
}

function keysOf (parts: readonly Parts[], value: object): Iterable<string> {
  const keys = Object.keys(value)
  const prototype = Object.getPrototypeOf(value) as unknown
  if (prototype === Object.prototype || prototype === null) return keys
  return new Set([...keys, ...parts.flatMap((part) => part.inheritedKeysOf(value))])
}

/** A new list only where several parts speak of one thing: most properties of a large payload have one place. */
function placesIn (parts: readonly Parts[], placesOf: (part: Parts) => readonly SchemaNode[]): readonly SchemaNode[] {
  let places: readonly SchemaNode[] = []
  let several: SchemaNode[] | undefined
  for (const part of parts) {
    const more = placesOf(part)
    if (places.length === 0) places = more
    else if (more.length > 0) (several ??= [...places]).push(...more)
  }
  return several ?? places
}

/**
 * An object without inherited properties, so that one named `__proto__` or `toString` is one like any other.
 * V8 keeps the properties of `Object.create(null)` in a hash table, which takes about four times as long to fill and to stringify.
 */
const Bare = function () {} as unknown as { new (): Record<string, unknown>, prototype: object }
Bare.prototype = Object.freeze(Object.create(null) as object)
