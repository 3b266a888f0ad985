import type { SchemaNode } from './schema-node.ts'

/** An encoder of a schema threw. */
export class EncoderFailed extends Error {
  readonly path: string
  readonly value: unknown

  constructor (path: string, value: unknown, cause: unknown) {
    super(`could not be encoded (${cause instanceof Error ? cause.message : String(cause)})`, { cause })
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
export function encodeTransforms (node: SchemaNode, value: unknown, path = ''): unknown {
  let encoded = node.encode === undefined ? value : run(node.encode, value, path)
  for (const member of node.all) encoded = encodeTransforms(member, encoded, path)
  if (node.alternatives.length > 0) encoded = encodeAlternative(node.alternatives, encoded, path)
  if (Array.isArray(encoded)) return encodeItems(node, encoded, path)
  if (typeof encoded === 'object' && encoded !== null) return encodeProperties(node, encoded as Record<string, unknown>, path)
  return encoded
}

/** The first member whose encoding that member itself accepts. Where there is none, the check will say so. */
function encodeAlternative (members: readonly SchemaNode[], value: unknown, path: string): unknown {
  for (const member of members) {
    try {
      const encoded = encodeTransforms(member, value, path)
      if (member.accepts(encoded)) return encoded
    } catch (error) {
      // Not an error: the encoder of a member that this value is none of.
      if (!(error instanceof EncoderFailed)) throw error
    }
  }
  return value
}

function encodeItems (node: SchemaNode, items: readonly unknown[], path: string): unknown[] {
  return items.map((item, index) => node.item(index).reduce((value, schema) => encodeTransforms(schema, value, `${path}/${index}`), item))
}

function encodeProperties (node: SchemaNode, value: Record<string, unknown>, path: string): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined
  for (const key of new Set([...Object.keys(value), ...node.propertyNames])) {
    if (!(key in value)) continue
    const place = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    const encoded = node.property(key).reduce((part: unknown, schema) => encodeTransforms(schema, part, place), value[key])
    if (encoded === value[key]) continue
    copy ??= Object.assign(Object.create(null), value) as Record<string, unknown>
    copy[key] = encoded
  }
  return copy ?? value
}

function run (encode: (value: unknown) => unknown, value: unknown, path: string): unknown {
  try {
    return encode(value)
  } catch (cause) {
    throw new EncoderFailed(path, value, cause)
  }
}
