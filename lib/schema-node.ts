import { TransformKind } from '@sinclair/typebox'

// Both TypeBox lines build JSON Schema; they differ in the marks they hang on it. This room reads the JSON Schema, so that the
// rooms above need not know which line a schema is of.

/** The keywords of a schema that say what a value is made of. */
export interface Schema {
  readonly $id?: string
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly if?: Schema
  readonly then?: Schema
  readonly else?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly unevaluatedProperties?: boolean | Schema
  readonly items?: Schema | readonly Schema[]
  readonly prefixItems?: readonly Schema[]
  readonly additionalItems?: boolean | Schema
  readonly unevaluatedItems?: boolean | Schema
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
  readonly formats: Set<string>
}

/** A reference in a schema that leads nowhere. */
export class DanglingReference extends Error {}

/**
 * One place of a schema, its references followed. Recursive schemas make a graph of these, built once.
 */
export class SchemaNode {
  readonly #schema: Schema
  readonly #definitions: readonly Schema[]
  readonly #compile: CompileCheck
  #accepts: ((value: unknown) => boolean) | undefined
  /** All of these accept what this accepts. */
  readonly all: readonly SchemaNode[]
  /** Any of these may or may not accept it. */
  readonly alternatives: readonly SchemaNode[]
  readonly encode: ((value: unknown) => unknown) | undefined
  readonly #properties: ReadonlyMap<string, SchemaNode>
  readonly #patterns: ReadonlyArray<readonly [RegExp, SchemaNode]>
  /** What stands for properties that nothing else declares. */
  readonly #otherProperties: SchemaNode | undefined
  readonly #tuple: readonly SchemaNode[]
  readonly #otherItems: SchemaNode | undefined
  /** It says nothing about parts: whatever it accepts, it accepts whole. */
  readonly isWhole: boolean

  private constructor (schema: Schema, scope: Scope, compile: CompileCheck, findings: Findings) {
    // Before anything else: a recursive schema finds itself here.
    scope.nodes.set(schema, this)
    const node = (child: Schema): SchemaNode => SchemaNode.#at(child, scope, compile, findings)
    const nodes = (children: readonly Schema[] = []): SchemaNode[] => children.map(node)
    const other = (child: boolean | Schema | undefined): SchemaNode | undefined => {
      if (child === undefined || child === false) return undefined
      return node(child === true ? {} : child)
    }

    this.#schema = schema
    this.#definitions = scope.definitions
    this.#compile = compile
    this.all = nodes(schema.allOf)
    const conditional = [schema.if, schema.then, schema.else].filter((child) => child !== undefined)
    this.alternatives = nodes([...schema.anyOf ?? [], ...schema.oneOf ?? [], ...conditional])
    const transform = schema[TransformKind]
    const codec = schema['~codec']
    if (transform !== undefined) this.encode = (value) => transform.Encode(value)
    else if (codec !== undefined) this.encode = (value) => codec.encode(value)
    this.#properties = new Map(Object.entries(schema.properties ?? {}).map(([key, child]) => [key, node(child)]))
    this.#patterns = Object.entries(schema.patternProperties ?? {}).map(([pattern, child]) => [new RegExp(pattern), node(child)] as const)
    this.#otherProperties = other(schema.additionalProperties ?? schema.unevaluatedProperties)
    const { items } = schema
    this.#tuple = nodes(schema.prefixItems ?? (Array.isArray(items) ? items : []))
    this.#otherItems = other(Array.isArray(items) ? schema.additionalItems : (items as Schema | undefined) ?? schema.unevaluatedItems)
    this.isWhole = this.all.length === 0 && this.alternatives.length === 0 && !STRUCTURE.some((keyword) => Object.hasOwn(schema, keyword))

    if (this.encode !== undefined) findings.hasEncoder = true
    if (schema.type === 'string' && schema.format !== undefined) findings.formats.add(schema.format)
  }

  /** @throws DanglingReference */
  static build (schema: Schema, compile: CompileCheck): { root: SchemaNode, findings: Findings } {
    const findings = { hasEncoder: false, formats: new Set<string>() }
    return { root: SchemaNode.#at(schema, new Scope(new Map()), compile, findings), findings }
  }

  static #at (schema: Schema, scope: Scope, compile: CompileCheck, findings: Findings): SchemaNode {
    const inner = scope.inside(schema)
    if (schema.$ref !== undefined) {
      const target = inner.find(schema.$ref)
      if (target === undefined) throw new DanglingReference(`it refers to "${schema.$ref}", which is not there`)
      return SchemaNode.#at(target.schema, target.scope, compile, findings)
    }
    return inner.nodes.get(schema) ?? new SchemaNode(schema, inner, compile, findings)
  }

  /** Whether this place alone accepts a value. Compiled when first asked: only the members of unions ever are. */
  accepts (value: unknown): boolean {
    this.#accepts ??= this.#compile(this.#schema, this.#definitions)
    return this.#accepts(value)
  }

  /** The property names it spells out. */
  get propertyNames (): Iterable<string> { return this.#properties.keys() }

  /** What it says of a property; nothing where it does not declare it. */
  property (key: string): readonly SchemaNode[] {
    const declared = this.#patterns.filter(([pattern]) => pattern.test(key)).map(([, node]) => node)
    const named = this.#properties.get(key)
    if (named !== undefined) declared.push(named)
    if (declared.length === 0 && this.#otherProperties !== undefined) declared.push(this.#otherProperties)
    return declared
  }

  /** What it says of an item; nothing where it does not declare one there. */
  item (index: number): readonly SchemaNode[] {
    const node = this.#tuple[index] ?? this.#otherItems
    return node === undefined ? [] : [node]
  }

  /** Whether every value it accepts is a string, given as it will go out. */
  get isText (): boolean {
    if (this.encode !== undefined || this.all.length > 0) return false
    if (this.alternatives.length > 0) return this.alternatives.every((member) => member.isText)
    const { type, const: literal, enum: members } = this.#schema
    if (literal !== undefined) return typeof literal === 'string'
    if (members !== undefined) return members.every((member) => typeof member === 'string')
    return type === 'string'
  }
}

const STRUCTURE = ['properties', 'patternProperties', 'additionalProperties', 'items', 'prefixItems', 'additionalItems'] as const
