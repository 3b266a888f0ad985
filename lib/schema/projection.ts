import { type Parts, partsOf } from './part-schemas.ts'
import type { SchemaNode } from './schema-node.ts'

/**
 * Reduces a payload to the parts that its schema declares, so that an application can broadcast a whole database row.
 *
 * A property is kept if any applicable part of the schema declares it: any accepting member of a union, any member of an intersection.
 *
 * @param schema The root of the schema.
 * @param value A value that the schema accepts. It is neither changed nor kept.
 * @returns The value itself if the schema keeps it whole, otherwise a copy of the declared parts.
 */
export function project (schema: SchemaNode, value: unknown): unknown {
  return new Projection().project([schema], value)
}

// Deeper parts are queued, so that the call stack does not limit the depth of a payload.
const MAX_RECURSION = 100

/** The projection of one payload. */
class Projection {
  readonly #waiting: Array<() => void> = []

  /** @param declared The places of the schema that declare the value. */
  project (declared: readonly SchemaNode[], value: unknown): unknown {
    const projected = this.#part(declared, value, 0)
    for (let fill = this.#waiting.pop(); fill !== undefined; fill = this.#waiting.pop()) fill()
    return projected
  }

  /** @returns A copy; in a deep payload it is filled later. */
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

/** Collects the places of one part. Most properties have a single place, so a new list is allocated only if several parts declare them. */
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
 * An object without inherited properties, so that properties named `__proto__` or `toString` are ordinary ones.
 * V8 puts `Object.create(null)` into dictionary mode, in which filling and stringifying take about four times as long.
 */
const Bare = function () {} as unknown as { new (): Record<string, unknown>, prototype: object }
Bare.prototype = Object.freeze(Object.create(null) as object)
