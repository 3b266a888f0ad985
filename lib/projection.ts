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
  return projectParts([schema], value)
}

/** @param declared Every part of the schema that speaks of this value. */
function projectParts (declared: readonly SchemaNode[], value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const parts: SchemaNode[] = []
  for (const node of declared) collect(node, value, parts)
  if (parts.some((part) => part.isWhole)) return value
  return Array.isArray(value)
    ? value.map((item, index) => projectParts(parts.flatMap((part) => part.item(index)), item))
    : projectObject(parts, value as Record<string, unknown>)
}

/** A place, and those it is put together of that accept the value. */
function collect (node: SchemaNode, value: unknown, parts: SchemaNode[]): void {
  parts.push(node)
  for (const member of node.all) collect(member, value, parts)
  for (const member of node.alternatives) {
    if (member.accepts(value)) collect(member, value, parts)
  }
}

function projectObject (parts: readonly SchemaNode[], value: Record<string, unknown>): Record<string, unknown> {
  // Without a prototype, so that a property named `__proto__` is one like any other.
  const projected: Record<string, unknown> = Object.create(null)
  const take = (key: string): void => {
    const declared = parts.flatMap((part) => part.property(key))
    if (declared.length > 0) projected[key] = projectParts(declared, value[key])
  }
  for (const key of Object.keys(value)) take(key)
  // A getter on the prototype satisfies the check, so it has to go out too: a reader must be able to rely on the schema.
  for (const part of parts) {
    for (const key of part.propertyNames) {
      if (!(key in projected) && key in value && !(key in Object.prototype)) take(key)
    }
  }
  return projected
}
