import { ownPartsOf } from './part-schemas.ts'
import type { SchemaNode } from './schema-node.ts'

// Encodes payloads whose schemas contain transforms.

/** The encoder of a transform threw. */
export class EncoderFailed extends Error {
  readonly path: string
  readonly value: unknown

  constructor (path: string, value: unknown, cause: unknown) {
    // The message does not repeat the text of the cause, which may contain the value. The application has the cause itself.
    super('could not be encoded', { cause })
    this.path = path
    this.value = value
  }
}

/**
 * Encodes a payload whose schema contains transforms.
 *
 * TypeBox's own encoding is not used, because it runs the encoders of every member of a union, and fails if that of a wrong member throws.
 *
 * @param value The decoded side. It is not changed; encoded parts are replaced in a copy.
 * @returns The encoded side.
 * @throws EncoderFailed when an encoder throws.
 */
export function encodeTransforms (node: SchemaNode, value: unknown): unknown {
  return new Encoding().encode(node, value, '')
}

/** The encoding of one payload. */
class Encoding {
  /**
   * The result of each place for each object. Every member of a union is tried, and a recursive member tries all of them again at each level,
   * so without this cache the time would double with each level.
   */
  readonly #encoded = new Map<SchemaNode, Map<object, unknown>>()

  encode (node: SchemaNode, value: unknown, path: string): unknown {
    if (typeof value !== 'object' || value === null) return this.#encodeUncached(node, value, path)
    let known = this.#encoded.get(node)
    if (known === undefined) this.#encoded.set(node, known = new Map())
    if (!known.has(value)) known.set(value, this.#encodeUncached(node, value, path))
    return known.get(value)
  }

  #encodeUncached (node: SchemaNode, value: unknown, path: string): unknown {
    let encoded = node.encode === undefined ? value : run(node.encode, value, path)
    encoded = this.#encodeEach(node.all, encoded, path)
    if (node.alternatives.length > 0) encoded = this.#encodeAlternative(node.alternatives, encoded, path)
    if (Array.isArray(encoded)) return this.#encodeItems(node, encoded, path)
    return isRecord(encoded) ? this.#encodeProperties(node, encoded, path) : encoded
  }

  /** Encodes one value by several places. Each gets the decoded side, because two places may declare the same transform. */
  #encodeEach (nodes: readonly SchemaNode[], value: unknown, path: string): unknown {
    const changed = nodes.map((node) => this.encode(node, value, path)).filter((encoded) => encoded !== value)
    if (changed.length === 0) return value
    return changed.length > 1 && isRecord(value) && changed.every(isRecord) ? merge(value, changed) : changed[0]
  }

  /** Encodes a value by the first member that accepts its own result. If there is none, the value stays as it is, and the check rejects it. */
  #encodeAlternative (members: readonly SchemaNode[], value: unknown, path: string): unknown {
    for (const member of members) {
      try {
        const encoded = this.encode(member, value, path)
        if (member.accepts(encoded)) return encoded
      } catch (error) {
        // Not an error: the value does not belong to this member of the union. Any other error would be a fault of this file.
        if (!(error instanceof EncoderFailed)) throw error
      }
    }
    return value
  }

  #encodeItems (node: SchemaNode, list: readonly unknown[], path: string): readonly unknown[] {
    const parts = ownPartsOf(node, list)
    const encoded = Array.from(list, (item, index) => this.#encodeEach(parts.item(index), item, `${path}/${index}`))
    return encoded.some((item, index) => item !== list[index]) ? encoded : list
  }

  #encodeProperties (node: SchemaNode, value: Record<string, unknown>, path: string): Record<string, unknown> {
    let copy: Record<string, unknown> | undefined
    const parts = ownPartsOf(node, value)
    for (const key of [...Object.keys(value), ...node.inheritedKeysOf(value)]) {
      const part = value[key]
      // An optional property whose value is undefined counts as absent.
      if (part === undefined && !node.requires(key)) continue
      const encoded = this.#encodeEach(parts.property(key), part, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
      if (encoded === part) continue
      copy ??= copyOf(value)
      put(copy, key, encoded)
    }
    return copy ?? value
  }
}

/** Combines the results of several places for one object. */
function merge (value: Record<string, unknown>, changed: ReadonlyArray<Record<string, unknown>>): Record<string, unknown> {
  const [first = value, ...others] = changed
  const merged = copyOf(first)
  for (const other of others) {
    for (const key of Object.keys(other)) {
      if (other[key] !== value[key]) put(merged, key, other[key])
    }
  }
  return merged
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A copy that may be changed. Inherited and non-enumerable properties are read from the value itself, whose getters may need its private fields. */
function copyOf (value: Record<string, unknown>): Record<string, unknown> {
  const inherited: Record<string, unknown> = Object.create(null)
  for (let from: object | null = value; from !== null && from !== Object.prototype; from = Object.getPrototypeOf(from) as object | null) {
    for (const key of Object.getOwnPropertyNames(from)) {
      const isCopied = from === value && Object.prototype.propertyIsEnumerable.call(value, key)
      if (!isCopied && !(key in inherited)) Object.defineProperty(inherited, key, { get: () => value[key] })
    }
  }
  const copy: Record<string, unknown> = Object.create(inherited)
  for (const key of Object.keys(value)) put(copy, key, value[key])
  return copy
}

/** Defines a property. An assignment could call the setter of an inherited property instead. */
function put (target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}

function run (encode: (value: unknown) => unknown, value: unknown, path: string): unknown {
  try {
    return encode(value)
  } catch (cause) {
    throw new EncoderFailed(path, value, cause)
  }
}
