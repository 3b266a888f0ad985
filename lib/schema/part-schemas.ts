import type { SchemaNode } from './schema-node.ts'

// Finds the places of a schema that describe the parts of a value: the properties of an object, the items of a list.

/** The declarations of the parts of one value. */
export interface Parts {
  /** The places that declare a property; empty if it is not declared. */
  property (key: string): readonly SchemaNode[]
  /** The places that declare an item; empty if it is not declared. */
  item (index: number): readonly SchemaNode[]
  /** The declared properties that a value inherits. */
  inheritedKeysOf (value: object): string[]
}

/**
 * Collects the declarations of the parts of one value from several places, including each of their members that accepts the value.
 *
 * @returns Undefined if one of the places keeps the value whole.
 */
export function partsOf (places: readonly SchemaNode[], value: object): readonly Parts[] | undefined {
  const [first] = places
  // Most places have no members, and take this shortcut.
  if (places.length === 1 && first !== undefined && !first.isComposed) {
    if (first.isOpen) return undefined
    const parts = ownPartsOf(first, value)
    return parts === first ? first.asParts : [parts]
  }
  const members = new Members(value)
  const areOpen = places.map((place) => members.add(place))
  return areOpen.includes(true) ? undefined : members.places.map((place) => ownPartsOf(place, value))
}

/** The declarations of the parts of a value in one place, without those of its members. */
export function ownPartsOf (place: SchemaNode, value: object): Parts {
  const unevaluated = Array.isArray(value) ? place.unevaluatedItems : place.unevaluatedProperties
  if (unevaluated.length === 0) return place
  const members = new Members(value)
  members.add(place)
  return new Remainder(place, members.places.filter((member) => member !== place))
}

/** The places that describe the parts of one value, collected from places and their members. */
class Members {
  readonly #value: object
  /** The result of `add` for each place so far. */
  readonly #found = new Map<SchemaNode, boolean>()
  readonly places: SchemaNode[] = []

  constructor (value: object) {
    this.#value = value
  }

  /**
   * Adds a place and its members that accept the value.
   *
   * @returns True if the place keeps the value whole: it does not describe parts, every member of its intersection keeps the value whole, and
   * so does at least one accepting member of its union.
   */
  add (place: SchemaNode): boolean {
    const known = this.#found.get(place)
    if (known !== undefined) return known
    // Set before the members are added: a place that is a member of itself must not keep a value whole because of itself.
    this.#found.set(place, false)
    const isOpen = this.#addNew(place)
    this.#found.set(place, isOpen)
    return isOpen
  }

  #addNew (place: SchemaNode): boolean {
    if (place.describesParts) this.places.push(place)
    if (!place.isComposed) return place.isOpen
    const all = place.all.map((member) => this.add(member))
    const branches = place.branchesOf(this.#value).map((member) => this.add(member))
    if (place.describesParts || all.includes(false)) return false
    return !place.hasBranches || branches.includes(true)
  }
}

/** A place with `unevaluatedProperties` or `unevaluatedItems`, which apply to parts that neither the place nor its members declare. */
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
