import { ownPartsOf } from './parts.ts'
import type { SchemaNode } from './schema-node.ts'

/** An encoder of a schema threw. */
export class EncoderFailed extends Error {
  readonly path: string
  readonly value: unknown

  constructor (path: string, value: unknown, cause: unknown) {
    // Without the inner text: it may hold the value, and it is meant for the application alone, which has it as the cause.
    super('could not be encoded', { cause })
    this.path = path
    this.value = value
  }
}

/**
 * The encoded side of a payload whose schema holds transforms.
 *
 * TypeBox's own encoding runs the encoders of every member of a union, and fails where a foreign one throws.
 *
 * @param value The decoded side. Not changed: what an encoder replaces is replaced in a copy.
 * @throws EncoderFailed
 */
export function encodeTransforms (node: SchemaNode, value: unknown): unknown {
  return new Encoding().encode(node, value, '')
}

/** One payload being encoded. */
class Encoding {
  /**
   * What each place made of each object. Every member of a union is tried, and a recursive one tries them again at every level:
   * without this the time would double with each.
   */
  readonly #encoded = new Map<SchemaNode, Map<object, unknown>>()

  encode (node: SchemaNode, value: unknown, path: string): unknown {
    if (typeof value !== 'object' || value === null) return this.#encodeAnew(node, value, path)
    let known = this.#encoded.get(node)
    if (known === undefined) this.#encoded.set(node, known = new Map())
    if (!known.has(value)) known.set(value, this.#encodeAnew(node, value, path))
    return known.get(value)
  }

  #encodeAnew (node: SchemaNode, value: unknown, path: string): unknown {
    let encoded = node.encode === undefined ? value : run(node.encode, value, path)
    encoded = this.#encodeEach(node.all, encoded, path)
    if (node.alternatives.length > 0) encoded = this.#encodeAlternative(node.alternatives, encoded, path)
    if (Array.isArray(encoded)) return this.#encodeItems(node, encoded, path)
    return isRecord(encoded) ? this.#encodeProperties(node, encoded, path) : encoded
  }

  /** What several places say of one value. Each is given the decoded side: two may declare the same transform. */
  #encodeEach (nodes: readonly SchemaNode[], value: unknown, path: string): unknown {
    const changed = nodes.map((node) => this.encode(node, value, path)).filter((encoded) => encoded !== value)
    if (changed.length === 0) return value
    return changed.length > 1 && isRecord(value) && changed.every(isRecord) ? merge(value, changed) : changed[0]
  }

  /** The first member whose encoding that member itself accepts. Where there is none, the check will say so. */
  #encodeAlternative (members: readonly SchemaNode[], value: unknown, path: string): unknown {
    for (const member of members) {
      try {
        const encoded = this.encode(member, value, path)
        if (member.accepts(encoded)) return encoded
      } catch (error) {
        // Not an error: the encoder of a member that this value is none of.
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
      // An optional property given as undefined is not there.
      if (part === undefined && !node.requires(key)) continue
      const encoded = this.#encodeEach(parts.property(key), part, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
      if (encoded === part) continue
      copy ??= copyOf(value)
      put(copy, key, encoded)
    }
    return copy ?? value
  }
}

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

/** A copy to be changed. What it does not own is still read from the value itself: a getter may need the private fields there. */
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

/** An assignment would reach the setter of an inherited property. */
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
