import type { Schema } from './schema.ts'

/** Named schemas, and those of the surroundings; beside them, what `N` was made of each schema here. */
export class SchemaScope<N> {
  readonly #outer: SchemaScope<N> | undefined
  readonly #named: Map<string, Schema>
  readonly nodes = new Map<Schema, N>()
  /** Those made of schemas in an `if`, which asks and does not declare. */
  readonly questions = new Map<Schema, N>()
  readonly #inner = new Map<Schema, SchemaScope<N>>()

  constructor (named = new Map<string, Schema>(), outer?: SchemaScope<N>) {
    this.#named = named
    this.#outer = outer
  }

  /** The scope inside a schema: a recursive type names itself, a module brings its definitions. One scope per schema. */
  inside (schema: Schema): SchemaScope<N> {
    if (schema.$id === undefined && schema.$defs === undefined) return this
    let inner = this.#inner.get(schema)
    if (inner === undefined) {
      const named = new Map(Object.entries(schema.$defs ?? {}))
      if (schema.$id !== undefined) named.set(schema.$id, schema)
      inner = new SchemaScope(named, this)
      inner.#inner.set(schema, inner)
      this.#inner.set(schema, inner)
    }
    return inner
  }

  find (name: string): { schema: Schema, scope: SchemaScope<N> } | undefined {
    const schema = this.#named.get(name)
    return schema === undefined ? this.#outer?.find(name) : { schema, scope: this }
  }

  /** All named schemas, each with the scope that names it. */
  get definitions (): Array<{ schema: Schema, scope: SchemaScope<N> }> {
    return [...[...this.#named.values()].map((schema) => ({ schema, scope: this })), ...(this.#outer?.definitions ?? [])]
  }
}
