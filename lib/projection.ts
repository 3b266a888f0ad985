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
  if (declared.map((node) => collect(node, value, parts)).some((isWhole) => isWhole)) return value
  return Array.isArray(value) ? projectItems(parts, value) : projectObject(parts, value as Record<string, unknown>)
}

/**
 * Adds a place, and those it is put together of that accept the value.
 *
 * @returns Whether it takes the value whole: it says nothing about parts. Beside a member of an intersection that does, that says nothing.
 */
function collect (node: SchemaNode, value: object, parts: SchemaNode[]): boolean {
  parts.push(node)
  const all = node.all.map((member) => collect(member, value, parts))
  const accepting = node.accepting(value).map((member) => collect(member, value, parts))
  if (node.speaksOfPartsOf(value) || all.includes(false)) return false
  return accepting.length === 0 || accepting.includes(true)
}

function projectItems (parts: readonly SchemaNode[], list: readonly unknown[]): unknown[] {
  return Array.from(list).flatMap((item, index) => {
    const declared = parts.flatMap((part) => part.item(list, index))
    return declared.length > 0 ? [projectParts(declared, item)] : []
  })
}

function projectObject (parts: readonly SchemaNode[], value: Record<string, unknown>): Record<string, unknown> {
  // Without a prototype, so that a property named `__proto__` is one like any other.
  const projected: Record<string, unknown> = Object.create(null)
  for (const key of new Set(parts.flatMap((part) => part.keysOf(value)))) {
    const declared = parts.flatMap((part) => part.property(value, key))
    if (declared.length > 0) projected[key] = projectParts(declared, value[key])
  }
  return projected
}
