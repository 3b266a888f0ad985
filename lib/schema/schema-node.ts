import { SchemaScope } from './schema-scope.ts'
import { describesParts, ReferenceUnresolved, refuseDynamicReferences, type Schema } from './schema.ts'
import { type Shallow, shallow } from './shallow-schema.ts'
import { Kind, TransformKind } from './type-marks.ts'

/** Facts about a whole schema, collected while its places are built. */
interface Findings {
  /** True if a part of the schema is a transform. */
  hasEncoder: boolean
  /** The places that may be asked whether they accept a value. */
  readonly alternatives: SchemaNode[]
  /** The names of the string formats. */
  readonly formats: Set<string>
  /** Every property name that the schema spells out. */
  readonly properties: Set<string>
  /** The schemas that have an `$id`, as JSON, by `$id`. */
  readonly named: Map<string, string>
  /** True if the application has registered a check for types of this kind with TypeBox. */
  isRegistered (this: void, kind: string): boolean
}

type Scope = SchemaScope<SchemaNode>

const NONE: readonly SchemaNode[] = []

/**
 * One place of a schema: a schema or subschema with its references resolved. Places are built once; those of a recursive schema form a cyclic
 * graph.
 */
export class SchemaNode {
  readonly #schema: Schema
  readonly #scope: Scope
  #accepts: (value: unknown) => boolean = () => false
  /** The members of an intersection, and the target of a reference. All of them accept every value that this place accepts. */
  readonly all: readonly SchemaNode[]
  /** The members of a union (`anyOf`, `oneOf`). Each may or may not accept a value that this place accepts. */
  readonly alternatives: readonly SchemaNode[]
  /** `if`/`then`/`else`: which branch applies depends on whether `if` accepts the value. TypeBox 1.x only. */
  readonly #condition: { readonly if: SchemaNode, readonly then: readonly SchemaNode[], readonly else: readonly SchemaNode[] } | undefined
  /** `dependentSchemas`: each applies to objects that have its property. TypeBox 1.x only. */
  readonly #dependents: ReadonlyArray<readonly [key: string, node: SchemaNode]>
  /** True if some members apply to some values only. */
  readonly hasBranches: boolean
  /** A list of this place alone, allocated once. */
  readonly asParts: readonly SchemaNode[] = [this]
  /** True if this place has members. */
  readonly isComposed: boolean
  /** True if this place keeps a value whole, because it neither describes parts nor has members. */
  readonly isOpen: boolean
  /** True if this place itself describes the parts of a value. */
  readonly describesParts: boolean
  /** The encoder of a transform; undefined if this place is not a transform. */
  readonly encode: ((value: unknown) => unknown) | undefined
  readonly #required: ReadonlySet<string>
  readonly #properties: ReadonlyMap<string, readonly SchemaNode[]>
  readonly #patterns: ReadonlyArray<readonly [RegExp, SchemaNode]>
  /** `additionalProperties`: applies to properties that this place does not declare otherwise. */
  readonly #otherProperties: readonly SchemaNode[]
  /** `unevaluatedProperties`: applies to properties that neither this place nor its members declare. */
  readonly unevaluatedProperties: readonly SchemaNode[]
  readonly #tuple: ReadonlyArray<readonly SchemaNode[]>
  readonly #otherItems: readonly SchemaNode[]
  readonly unevaluatedItems: readonly SchemaNode[]

  private constructor (schema: Schema, scope: Scope, isCondition: boolean, findings: Findings) {
    // Registered first, so that a recursive schema finds this place instead of building it again.
    placesOf(scope, isCondition).set(schema, this)
    const node = (child: Schema): SchemaNode => SchemaNode.#at(child, scope, isCondition, findings)
    const nodes = (children: ReadonlyArray<Schema | undefined> = []): SchemaNode[] => children.filter((child) => child !== undefined).map(node)
    const other = (child: boolean | Schema | undefined): readonly SchemaNode[] => {
      if (child === undefined || child === false) return NONE
      return [node(child === true ? {} : child)]
    }

    refuseDynamicReferences(schema)
    // TypeBox 0.34 keeps one check per `$id`, so it would check values of a second type by the schema of the first.
    if (schema.$id !== undefined && schema[Kind] !== undefined) refuseAnother(schema.$id, JSON.stringify(schema), findings.named)
    this.#schema = schema
    this.#scope = scope
    this.all = nodes(schema.allOf)
    if (schema.$ref !== undefined) this.all = [...this.all, SchemaNode.#referred(schema.$ref, scope, isCondition, findings)]
    this.alternatives = nodes([...schema.anyOf ?? [], ...schema.oneOf ?? []])
    this.#condition = schema.if === undefined
      ? undefined
      : { if: SchemaNode.#at(schema.if, scope, true, findings), then: nodes([schema.then]), else: nodes([schema.else]) }
    findings.alternatives.push(...this.alternatives, ...this.#condition === undefined ? [] : [this.#condition.if])
    this.#dependents = Object.entries({ ...schema.dependencies, ...schema.dependentSchemas })
      .flatMap(([key, child]) => Array.isArray(child) ? [] : [[key, node(child as Schema)] as const])
    const transform = schema[TransformKind]
    const codec = schema['~codec']
    if (transform !== undefined) this.encode = (value) => transform.Encode(value)
    else if (codec !== undefined) this.encode = (value) => codec.encode(value)
    this.#required = new Set(schema.required)
    this.#properties = new Map(Object.entries(schema.properties ?? {}).map(([key, child]) => [key, [node(child)]]))
    // The TypeBox lines compile patterns with different flags, and keys must match here exactly as in the check.
    const flags = schema[Kind] === undefined ? 'u' : ''
    this.#patterns = Object.entries(schema.patternProperties ?? {}).map(([pattern, child]) => [new RegExp(pattern, flags), node(child)] as const)
    this.#otherProperties = other(schema.additionalProperties)
    this.unevaluatedProperties = other(schema.unevaluatedProperties)
    const { items } = schema
    this.#tuple = nodes(schema.prefixItems ?? (Array.isArray(items) ? items : [])).map((item) => [item])
    this.#otherItems = other(Array.isArray(items) ? schema.additionalItems : items as Schema | undefined)
    this.unevaluatedItems = other(schema.unevaluatedItems)

    this.hasBranches = this.alternatives.length > 0 || this.#condition !== undefined || this.#dependents.length > 0
    this.isComposed = this.hasBranches || this.all.length > 0
    this.describesParts = describesParts(schema) || isCondition || (isOfForeignKind(schema, findings) && !this.isComposed)
    this.isOpen = !this.describesParts && !this.isComposed

    if (this.encode !== undefined) findings.hasEncoder = true
    // TypeBox 1.x checks `format` wherever a string is allowed, TypeBox 0.34 in `Type.String` only.
    const types = [schema.type ?? (schema[Kind] === undefined ? 'string' : [])].flat()
    if (schema.format !== undefined && types.includes('string')) findings.formats.add(schema.format)
    for (const key of this.#properties.keys()) findings.properties.add(key)
    // `not` and `contains` declare no parts, but TypeBox checks them, so their formats and references are collected, too.
    nodes([schema.not, schema.contains])
  }

  /** Builds the places of a schema. @throws ReferenceUnresolved */
  static build (schema: Schema, isRegistered: Findings['isRegistered']): { root: SchemaNode, findings: Findings } {
    const findings = {
      hasEncoder: false,
      alternatives: [],
      formats: new Set<string>(),
      properties: new Set<string>(),
      named: new Map<string, string>(),
      isRegistered
    }
    return { root: SchemaNode.#at(schema, new SchemaScope(), false, findings), findings }
  }

  static #at (schema: Schema, scope: Scope, isCondition: boolean, findings: Findings): SchemaNode {
    const inner = scope.inside(schema)
    return placesOf(inner, isCondition).get(schema) ?? new SchemaNode(schema, inner, isCondition, findings)
  }

  static #referred (name: string, scope: Scope, isCondition: boolean, findings: Findings): SchemaNode {
    const target = scope.find(name)
    if (target === undefined) throw new ReferenceUnresolved(`it refers to "${name}", which does not exist`)
    return SchemaNode.#at(target.schema, target.scope, isCondition, findings)
  }

  /** The schema of this place for one level of a value: `ask` returns the replacement for each reference in a part. */
  shallow (ask: (place: SchemaNode) => Schema): Shallow {
    return shallow(this.#schema, this.#scope, (place) => ask(place.#target))
  }

  /** The target of a bare reference, so that all references to it share one check; otherwise this place. */
  get #target (): SchemaNode {
    const [target] = this.all
    const isBare = this.#schema[Kind] !== undefined || Object.keys(this.#schema).every((keyword) => keyword === '$ref')
    return target !== undefined && this.#schema.$ref !== undefined && isBare ? target : this
  }

  /** Sets the check of this place. Few places need one, and it can be compiled only after string formats are registered. */
  compile (accepts: (value: unknown) => boolean): void {
    this.#accepts = accepts
  }

  /** True if this place accepts a value. Valid after `compile`. */
  accepts (value: unknown): boolean {
    return this.#accepts(value)
  }

  /** The members that apply to this value, among those that apply to some values only. */
  branchesOf (value: object): readonly SchemaNode[] {
    const accepting = this.alternatives.filter((member) => member.accepts(value))
    for (const [key, member] of this.#dependents) {
      if (key in value) accepting.push(member)
    }
    if (this.#condition === undefined) return accepting
    return this.#condition.if.accepts(value)
      ? [...accepting, this.#condition.if, ...this.#condition.then]
      : [...accepting, ...this.#condition.else]
  }

  /** The properties declared by name here that a value inherits. */
  inheritedKeysOf (value: object): string[] {
    // A getter of a class satisfies TypeBox's check, so it counts as a property. Members of `Object.prototype` do not.
    return [...this.#properties.keys()].filter((key) => key in value && !Object.hasOwn(value, key) && !(key in Object.prototype))
  }

  /** True if a property is required. */
  requires (key: string): boolean {
    return this.#required.has(key)
  }

  /** The places that declare a property, without those of members; empty if it is not declared here. */
  property (key: string): readonly SchemaNode[] {
    const named = this.#properties.get(key)
    if (this.#patterns.length === 0) return named ?? this.#otherProperties
    const declared = this.#patterns.filter(([pattern]) => pattern.test(key)).map(([, node]) => node)
    if (named !== undefined) declared.push(...named)
    return declared.length > 0 ? declared : this.#otherProperties
  }

  /** The places that declare an item of a list, without those of members; empty if it is not declared here. */
  item (index: number): readonly SchemaNode[] {
    return this.#tuple[index] ?? this.#otherItems
  }

  /** True if every value that this place accepts is a string. */
  get isText (): boolean {
    if (this.all.length > 0) return this.all.some((member) => member.isText)
    if (this.alternatives.length > 0) return this.alternatives.every((member) => member.isText)
    const { type, const: literal, enum: members } = this.#schema
    if (literal !== undefined) return typeof literal === 'string'
    if (members !== undefined) return members.every((member) => typeof member === 'string')
    return type === 'string'
  }
}

/** The places built in a scope. Those within an `if` are separate, because an `if` asks about a value and never keeps it whole. */
function placesOf (scope: Scope, isCondition: boolean): Map<Schema, SchemaNode> {
  return isCondition ? scope.conditions : scope.nodes
}

/** True for a kind that the application has registered with TypeBox 0.34. Nothing declares the parts of such a value. */
function isOfForeignKind (schema: Schema, { isRegistered }: Findings): boolean {
  const kind = schema[Kind]
  // `Type.Unsafe` is plain JSON Schema, even if the application has registered a check for it.
  return kind !== undefined && kind !== 'Unsafe' && isRegistered(kind)
}

function refuseAnother (name: string, type: string, named: Map<string, string>): void {
  if ((named.get(name) ?? type) !== type) throw new Error(`it has two types named "${name}"`)
  named.set(name, type)
}
