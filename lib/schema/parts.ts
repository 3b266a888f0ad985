import type { SchemaNode } from './schema-node.ts'

/** What a schema says of the parts of one value. */
export interface Parts {
  /** What it says of a property; nothing where it does not declare it. */
  property (key: string): readonly SchemaNode[]
  /** What it says of an item; nothing where it does not declare it. */
  item (index: number): readonly SchemaNode[]
  /** The properties that it spells out and that a value inherits. */
  inheritedKeysOf (value: object): string[]
}

/**
 * Everything that some places say of the parts of one value, each member of theirs that accepts the value included once.
 *
 * @returns Undefined where the value goes out whole: one of them says nothing about parts.
 */
export function partsOf (places: readonly SchemaNode[], value: object): readonly Parts[] | undefined {
  const [first] = places
  // Most places are a type of their own, and need no search.
  if (places.length === 1 && first !== undefined && !first.isComposed) {
    if (first.isOpen) return undefined
    const parts = ownPartsOf(first, value)
    return parts === first ? first.asParts : [parts]
  }
  const members = new Members(value)
  const areOpen = places.map((place) => members.add(place))
  return areOpen.includes(true) ? undefined : members.places.map((place) => ownPartsOf(place, value))
}

/** What one place says of the parts of a value by itself. */
export function ownPartsOf (place: SchemaNode, value: object): Parts {
  const unevaluated = Array.isArray(value) ? place.unevaluatedItems : place.unevaluatedProperties
  if (unevaluated.length === 0) return place
  const members = new Members(value)
  members.add(place)
  return new Remainder(place, members.places.filter((member) => member !== place))
}

/** The places that speak of the parts of one value. */
class Members {
  readonly #value: object
  /** Whether each place found so far takes the value whole. */
  readonly #found = new Map<SchemaNode, boolean>()
  readonly places: SchemaNode[] = []

  constructor (value: object) {
    this.#value = value
  }

  /**
   * Adds a place and its members that accept the value.
   *
   * @returns Whether the place takes the value whole: neither it nor a member of an intersection says anything about parts, and of a
   * union a member that accepts the value says nothing.
   */
  add (place: SchemaNode): boolean {
    const known = this.#found.get(place)
    if (known !== undefined) return known
    // A place that is a member of itself meets this answer: by that way nothing is opened.
    this.#found.set(place, false)
    const isOpen = this.#addNew(place)
    this.#found.set(place, isOpen)
    return isOpen
  }

  #addNew (place: SchemaNode): boolean {
    if (place.isAboutParts) this.places.push(place)
    if (!place.isComposed) return place.isOpen
    const all = place.all.map((member) => this.add(member))
    const branches = place.branchesOf(this.#value).map((member) => this.add(member))
    if (place.isAboutParts || all.includes(false)) return false
    return !place.hasBranches || branches.includes(true)
  }
}

/** A place with `unevaluatedProperties` or `unevaluatedItems`: these stand for what neither it nor a member declares. */
class Remainder implements Parts {
  readonly #place: SchemaNode
  readonly #members: readonly SchemaNode[]

  constructor (place: SchemaNode, members: readonly SchemaNode[]) {
    this.#place = place
    this.#members = members
  }

  property (key: string): readonly SchemaNode[] {
    const own = this.#place.property(key)
    if (own.length > 0) return own
    const isDeclared = this.#members.some((member) => member.unevaluatedProperties.length > 0 || member.property(key).length > 0)
    return isDeclared ? [] : this.#place.unevaluatedProperties
  }

  item (index: number): readonly SchemaNode[] {
    const own = this.#place.item(index)
    if (own.length > 0) return own
    const isDeclared = this.#members.some((member) => member.unevaluatedItems.length > 0 || member.item(index).length > 0)
    return isDeclared ? [] : this.#place.unevaluatedItems
  }

  inheritedKeysOf (value: object): string[] {
    return this.#place.inheritedKeysOf(value)
  }
}
