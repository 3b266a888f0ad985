import { SchemaScope } from './schema-scope.ts'
import { isAboutParts, refuseNotFollowed, type Schema, SchemaNotFollowed } from './schema.ts'
import { type Shallow, shallow } from './shallow-schema.ts'
import { Kind, TransformKind } from './type-marks.ts'

/** What a whole schema turned out to hold. */
interface Findings {
  hasEncoder: boolean
  /** The places that are asked whether they accept a value. */
  readonly alternatives: SchemaNode[]
  readonly formats: Set<string>
  /** Every property name that the schema spells out. */
  readonly properties: Set<string>
  /** Types by name, as JSON. */
  readonly named: Map<string, string>
  /** Whether the application gave TypeBox a check for types of this kind. */
  isRegistered (this: void, kind: string): boolean
}

type Scope = SchemaScope<SchemaNode>

const NONE: readonly SchemaNode[] = []

/**
 * One place of a schema, its references followed. Recursive schemas make a graph of these, built once.
 */
export class SchemaNode {
  readonly #schema: Schema
  readonly #scope: Scope
  #accepts: (value: unknown) => boolean = () => false
  /** All of these accept what this accepts: the members of an intersection, and what a reference leads to. */
  readonly all: readonly SchemaNode[]
  /** Any of these may or may not accept it. */
  readonly alternatives: readonly SchemaNode[]
  /** `if`/`then`/`else`: which branch applies depends on whether `if` accepts the value. TypeBox 1.x only. */
  readonly #condition: { readonly if: SchemaNode, readonly then: readonly SchemaNode[], readonly else: readonly SchemaNode[] } | undefined
  /** `dependentSchemas`: each applies to objects that have its property. TypeBox 1.x only. */
  readonly #dependents: ReadonlyArray<readonly [key: string, node: SchemaNode]>
  /** Whether some of its members apply to some values only. */
  readonly hasBranches: boolean
  /** A list of this place alone, made once for all values. */
  readonly asParts: readonly SchemaNode[] = [this]
  /** Whether it is put together of other places. */
  readonly isComposed: boolean
  /** Whether it takes a value whole, because neither it nor a member says anything about parts. */
  readonly isOpen: boolean
  /** Whether it says something about parts itself. */
  readonly isAboutParts: boolean
  readonly encode: ((value: unknown) => unknown) | undefined
  readonly #required: ReadonlySet<string>
  readonly #properties: ReadonlyMap<string, readonly SchemaNode[]>
  readonly #patterns: ReadonlyArray<readonly [RegExp, SchemaNode]>
  /** What stands for properties that this place does not declare otherwise. */
  readonly #otherProperties: readonly SchemaNode[]
  /** What stands for properties that its members do not declare either. */
  readonly unevaluatedProperties: readonly SchemaNode[]
  readonly #tuple: ReadonlyArray<readonly SchemaNode[]>
  readonly #otherItems: readonly SchemaNode[]
  readonly unevaluatedItems: readonly SchemaNode[]

  private constructor (schema: Schema, scope: Scope, isQuestion: boolean, findings: Findings) {
    // Before anything else: a recursive schema finds itself here.
    placesOf(scope, isQuestion).set(schema, this)
    const node = (child: Schema): SchemaNode => SchemaNode.#at(child, scope, isQuestion, findings)
    const nodes = (children: ReadonlyArray<Schema | undefined> = []): SchemaNode[] => children.filter((child) => child !== undefined).map(node)
    const other = (child: boolean | Schema | undefined): readonly SchemaNode[] => {
      if (child === undefined || child === false) return NONE
      return [node(child === true ? {} : child)]
    }

    refuseNotFollowed(schema)
    // TypeBox 0.34 keeps one check for a name: values of the second type would be judged by the first.
    if (schema.$id !== undefined && schema[Kind] !== undefined) refuseAnother(schema.$id, JSON.stringify(schema), findings.named)
    this.#schema = schema
    this.#scope = scope
    this.all = nodes(schema.allOf)
    if (schema.$ref !== undefined) this.all = [...this.all, SchemaNode.#referred(schema.$ref, scope, isQuestion, findings)]
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
    // Each line compiles patterns in its own way; here a key has to match as it did there.
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
    this.isAboutParts = isAboutParts(schema) || isQuestion || (isOfForeignKind(schema, findings) && !this.isComposed)
    this.isOpen = !this.isAboutParts && !this.isComposed

    if (this.encode !== undefined) findings.hasEncoder = true
    // TypeBox 1.x checks the format of a string wherever one is allowed, 0.34 that of its String alone.
    const types = [schema.type ?? (schema[Kind] === undefined ? 'string' : [])].flat()
    if (schema.format !== undefined && types.includes('string')) findings.formats.add(schema.format)
    for (const key of this.#properties.keys()) findings.properties.add(key)
    // These declare nothing, but they are checked.
    nodes([schema.not, schema.contains])
  }

  /** @throws SchemaNotFollowed */
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

  static #at (schema: Schema, scope: Scope, isQuestion: boolean, findings: Findings): SchemaNode {
    const inner = scope.inside(schema)
    return placesOf(inner, isQuestion).get(schema) ?? new SchemaNode(schema, inner, isQuestion, findings)
  }

  static #referred (name: string, scope: Scope, isQuestion: boolean, findings: Findings): SchemaNode {
    const target = scope.find(name)
    if (target === undefined) throw new SchemaNotFollowed(`it refers to "${name}", which is not there`)
    return SchemaNode.#at(target.schema, target.scope, isQuestion, findings)
  }

  /** Its schema for one level of a value: each reference in a part is replaced by what `ask` gives for the place there. */
  shallow (ask: (place: SchemaNode) => Schema): Shallow {
    return shallow(this.#schema, this.#scope, (place) => ask(place.#target))
  }

  /** The place that a bare reference leads to: many references share its check. */
  get #target (): SchemaNode {
    const [target] = this.all
    const isBare = this.#schema[Kind] !== undefined || Object.keys(this.#schema).every((keyword) => keyword === '$ref')
    return target !== undefined && this.#schema.$ref !== undefined && isBare ? target : this
  }

  /** Makes it able to say what it accepts. Few places are ever asked, and string formats have to be known before. */
  compile (accepts: (value: unknown) => boolean): void {
    this.#accepts = accepts
  }

  /** Whether this place alone accepts a value. */
  accepts (value: unknown): boolean {
    return this.#accepts(value)
  }

  /** Its members that speak of some values only, as far as they speak of this one. */
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

  /** The properties spelled out here that a value inherits. */
  inheritedKeysOf (value: object): string[] {
    // A getter of a class satisfies the check, so it counts. What every object inherits is nobody's property.
    return [...this.#properties.keys()].filter((key) => key in value && !Object.hasOwn(value, key) && !(key in Object.prototype))
  }

  /** Whether a property has to be there. */
  requires (key: string): boolean {
    return this.#required.has(key)
  }

  /** What it says of a property itself; nothing where it does not declare it. */
  property (key: string): readonly SchemaNode[] {
    const named = this.#properties.get(key)
    if (this.#patterns.length === 0) return named ?? this.#otherProperties
    const declared = this.#patterns.filter(([pattern]) => pattern.test(key)).map(([, node]) => node)
    if (named !== undefined) declared.push(...named)
    return declared.length > 0 ? declared : this.#otherProperties
  }

  /** What it says of an item of a list itself; nothing where it does not declare one there. */
  item (index: number): readonly SchemaNode[] {
    return this.#tuple[index] ?? this.#otherItems
  }

  /** Whether every value it accepts is a string. */
  get isText (): boolean {
    if (this.all.length > 0) return this.all.some((member) => member.isText)
    if (this.alternatives.length > 0) return this.alternatives.every((member) => member.isText)
    const { type, const: literal, enum: members } = this.#schema
    if (literal !== undefined) return typeof literal === 'string'
    if (members !== undefined) return members.every((member) => typeof member === 'string')
    return type === 'string'
  }
}

function placesOf (scope: Scope, isQuestion: boolean): Map<Schema, SchemaNode> {
  return isQuestion ? scope.questions : scope.nodes
}

/** A kind that the application gave to TypeBox 0.34 with a check: nothing says what such a value is made of. */
function isOfForeignKind (schema: Schema, { isRegistered }: Findings): boolean {
  const kind = schema[Kind]
  // `Type.Unsafe` is the exception: it is plain JSON Schema.
  return kind !== undefined && kind !== 'Unsafe' && isRegistered(kind)
}

function refuseAnother (name: string, type: string, named: Map<string, string>): void {
  if ((named.get(name) ?? type) !== type) throw new Error(`it has two types named "${name}"`)
  named.set(name, type)
}
