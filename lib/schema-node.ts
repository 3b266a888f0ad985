import { Kind, TransformKind } from '@sinclair/typebox'

// Both TypeBox lines build JSON Schema; they differ in the marks they hang on it. This room reads the JSON Schema, so that the
// rooms above need not know which line a schema is of.

/** The keywords of a schema that say what a value is made of. */
export interface Schema {
  readonly $id?: string
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly not?: Schema
  readonly allOf?: readonly Schema[]
  readonly if?: Schema
  readonly then?: Schema
  readonly else?: Schema
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly unevaluatedProperties?: boolean | Schema
  readonly items?: Schema | readonly Schema[]
  readonly prefixItems?: readonly Schema[]
  readonly additionalItems?: boolean | Schema
  readonly contains?: Schema
  readonly unevaluatedItems?: boolean | Schema
  /** The mark of TypeBox 0.34. */
  readonly [Kind]?: string
  /** The encoder of a `Type.Transform`, TypeBox 0.34. */
  readonly [TransformKind]?: { Encode (value: unknown): unknown }
  /** The encoder of a `Type.Codec`, TypeBox 1.x. */
  readonly '~codec'?: { encode (value: unknown): unknown }
}

/** Compiles the check of one schema, given the definitions it may refer to. */
export type CompileCheck = (schema: Schema, definitions: readonly Schema[]) => (value: unknown) => boolean

/** Named schemas, and those of the surroundings. */
class Scope {
  readonly #outer: Scope | undefined
  readonly #named: Map<string, Schema>
  readonly nodes = new Map<Schema, SchemaNode>()
  readonly #inner = new Map<Schema, Scope>()

  constructor (named: Map<string, Schema>, outer?: Scope) {
    this.#named = named
    this.#outer = outer
  }

  /** The scope inside a schema: a recursive type names itself, a module brings its definitions. The same one at every call. */
  inside (schema: Schema): Scope {
    if (schema.$id === undefined && schema.$defs === undefined) return this
    let inner = this.#inner.get(schema)
    if (inner === undefined) {
      const named = new Map(Object.entries(schema.$defs ?? {}))
      if (schema.$id !== undefined) named.set(schema.$id, schema)
      inner = new Scope(named, this)
      inner.#inner.set(schema, inner)
      this.#inner.set(schema, inner)
    }
    return inner
  }

  find (name: string): { schema: Schema, scope: Scope } | undefined {
    const schema = this.#named.get(name)
    return schema === undefined ? this.#outer?.find(name) : { schema, scope: this }
  }

  get definitions (): Schema[] {
    return [...this.#named.values(), ...(this.#outer?.definitions ?? [])]
  }
}

/** What a whole schema turned out to hold. */
export interface Findings {
  hasEncoder: boolean
  /** The places that are asked whether they accept a value. */
  readonly alternatives: SchemaNode[]
  readonly formats: Set<string>
  /** Types by name, as JSON. */
  readonly named: Map<string, string>
}

/** A reference in a schema that leads nowhere. */
export class DanglingReference extends Error {}

/**
 * One place of a schema, its references followed. Recursive schemas make a graph of these, built once.
 */
export class SchemaNode {
  readonly #schema: Schema
  readonly #definitions: readonly Schema[]
  #accepts: (value: unknown) => boolean = () => false
  /** All of these accept what this accepts: the members of an intersection, and what a reference leads to. */
  readonly all: readonly SchemaNode[]
  /** Any of these may or may not accept it. */
  readonly alternatives: readonly SchemaNode[]
  /** The members of which one speaks, as another one accepts the value or not. TypeBox 1.x alone has these. */
  readonly #condition: { readonly if: SchemaNode, readonly then: SchemaNode, readonly else: SchemaNode } | undefined
  readonly encode: ((value: unknown) => unknown) | undefined
  readonly #properties: ReadonlyMap<string, SchemaNode>
  readonly #patterns: ReadonlyArray<readonly [RegExp, SchemaNode]>
  /** What stands for properties that this place does not declare otherwise. */
  readonly #otherProperties: SchemaNode | undefined
  /** What stands for properties that its members do not declare either. */
  readonly #unevaluatedProperties: SchemaNode | undefined
  readonly #tuple: readonly SchemaNode[]
  readonly #otherItems: SchemaNode | undefined
  readonly #unevaluatedItems: SchemaNode | undefined

  private constructor (schema: Schema, scope: Scope, findings: Findings) {
    // Before anything else: a recursive schema finds itself here.
    scope.nodes.set(schema, this)
    const node = (child: Schema): SchemaNode => SchemaNode.#at(child, scope, findings)
    const nodes = (children: ReadonlyArray<Schema | undefined> = []): SchemaNode[] => children.filter((child) => child !== undefined).map(node)
    const other = (child: boolean | Schema | undefined): SchemaNode | undefined => {
      if (child === undefined || child === false) return undefined
      return node(child === true ? {} : child)
    }

    // TypeBox 0.34 keeps one check for a name: values of the second type would be judged by the first.
    if (schema.$id !== undefined && schema[Kind] !== undefined) refuseAnother(schema.$id, JSON.stringify(schema), findings.named)
    this.#schema = schema
    this.#definitions = scope.definitions
    this.all = nodes(schema.allOf)
    if (schema.$ref !== undefined) this.all = [...this.all, SchemaNode.#referred(schema.$ref, scope, findings)]
    this.alternatives = nodes([...schema.anyOf ?? [], ...schema.oneOf ?? []])
    this.#condition = schema.if === undefined ? undefined : { if: node(schema.if), then: node(schema.then ?? {}), else: node(schema.else ?? {}) }
    findings.alternatives.push(...this.alternatives, ...this.#condition === undefined ? [] : [this.#condition.if])
    const transform = schema[TransformKind]
    const codec = schema['~codec']
    if (transform !== undefined) this.encode = (value) => transform.Encode(value)
    else if (codec !== undefined) this.encode = (value) => codec.encode(value)
    this.#properties = new Map(Object.entries(schema.properties ?? {}).map(([key, child]) => [key, node(child)]))
    // Each line compiles patterns in its own way; here a key has to match as it did there.
    const flags = schema[Kind] === undefined ? 'u' : ''
    this.#patterns = Object.entries(schema.patternProperties ?? {}).map(([pattern, child]) => [new RegExp(pattern, flags), node(child)] as const)
    this.#otherProperties = other(schema.additionalProperties)
    this.#unevaluatedProperties = other(schema.unevaluatedProperties)
    const { items } = schema
    this.#tuple = nodes(schema.prefixItems ?? (Array.isArray(items) ? items : []))
    this.#otherItems = other(Array.isArray(items) ? schema.additionalItems : items as Schema | undefined)
    this.#unevaluatedItems = other(schema.unevaluatedItems)

    if (this.encode !== undefined) findings.hasEncoder = true
    // TypeBox 1.x checks the format of a string wherever one is allowed, 0.34 that of its String alone.
    const types = [schema.type ?? (schema[Kind] === undefined ? 'string' : [])].flat()
    if (schema.format !== undefined && types.includes('string')) findings.formats.add(schema.format)
    // These declare nothing, but they are checked.
    nodes([schema.not, schema.contains])
  }

  /** @throws DanglingReference */
  static build (schema: Schema): { root: SchemaNode, findings: Findings } {
    const findings = { hasEncoder: false, alternatives: [], formats: new Set<string>(), named: new Map<string, string>() }
    return { root: SchemaNode.#at(schema, new Scope(new Map()), findings), findings }
  }

  static #at (schema: Schema, scope: Scope, findings: Findings): SchemaNode {
    const inner = scope.inside(schema)
    return inner.nodes.get(schema) ?? new SchemaNode(schema, inner, findings)
  }

  static #referred (name: string, scope: Scope, findings: Findings): SchemaNode {
    const target = scope.find(name)
    if (target === undefined) throw new DanglingReference(`it refers to "${name}", which is not there`)
    return SchemaNode.#at(target.schema, target.scope, findings)
  }

  /** Makes it able to say what it accepts. Not done by itself: few places are ever asked, and string formats have to be known before. */
  compile (compile: CompileCheck): void {
    this.#accepts = compile(this.#schema, this.#definitions)
  }

  /** Whether this place alone accepts a value. */
  accepts (value: unknown): boolean {
    return this.#accepts(value)
  }

  /** Those of its alternatives that accept a value. */
  accepting (value: unknown): readonly SchemaNode[] {
    const accepting = this.alternatives.filter((member) => member.accepts(value))
    if (this.#condition === undefined) return accepting
    return this.#condition.if.accepts(value)
      ? [...accepting, this.#condition.if, this.#condition.then]
      : [...accepting, this.#condition.else]
  }

  /** Whether it says itself what such a value is made of. */
  speaksOfPartsOf (value: object): boolean {
    return (Array.isArray(value) ? ITEMS : PROPERTIES).some((keyword) => Object.hasOwn(this.#schema, keyword))
  }

  /** The properties of a value that it may speak of: the value's own, and those spelled out here that the value inherits. */
  keysOf (value: object): string[] {
    // A getter of a class satisfies the check, so it counts. What every object inherits is nobody's property.
    const inherited = [...this.#properties.keys()].filter((key) => key in value && !Object.hasOwn(value, key) && !(key in Object.prototype))
    return [...Object.keys(value), ...inherited]
  }

  /** Whether a property has to be there. */
  requires (key: string): boolean {
    return this.#schema.required?.includes(key) === true
  }

  /** What it says of a property of a value; nothing where it does not declare it. */
  property (value: object, key: string): readonly SchemaNode[] {
    const declared = this.#patterns.filter(([pattern]) => pattern.test(key)).map(([, node]) => node)
    const named = this.#properties.get(key)
    if (named !== undefined) declared.push(named)
    if (declared.length > 0) return declared
    if (this.#otherProperties !== undefined) return [this.#otherProperties]
    return this.#unlessDeclared(this.#unevaluatedProperties, value, (member) => member.property(value, key))
  }

  /** What it says of an item of a list; nothing where it does not declare one there. */
  item (list: readonly unknown[], index: number): readonly SchemaNode[] {
    const node = this.#tuple[index] ?? this.#otherItems
    if (node !== undefined) return [node]
    return this.#unlessDeclared(this.#unevaluatedItems, list, (member) => member.item(list, index))
  }

  #unlessDeclared (unevaluated: SchemaNode | undefined, value: unknown, declaredBy: (member: SchemaNode) => readonly SchemaNode[]): SchemaNode[] {
    return unevaluated === undefined || this.#someMember(value, (member) => declaredBy(member).length > 0) ? [] : [unevaluated]
  }

  /** Whether something holds of a place that this one is put together of, and that accepts a value. */
  #someMember (value: unknown, holds: (member: SchemaNode) => boolean): boolean {
    const members = [...this.all, ...this.accepting(value)]
    return members.some((member) => holds(member) || member.#someMember(value, holds))
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

function refuseAnother (name: string, type: string, named: Map<string, string>): void {
  if ((named.get(name) ?? type) !== type) throw new Error(`it has two types named "${name}"`)
  named.set(name, type)
}

const PROPERTIES = ['properties', 'patternProperties', 'additionalProperties', 'unevaluatedProperties'] as const
const ITEMS = ['items', 'prefixItems', 'additionalItems', 'unevaluatedItems'] as const
