import type { Schema } from './schema.ts'

/**
 * The schemas that a reference can name in one part of a schema, and the places built there.
 *
 * @typeParam N The type of a place.
 */
export class SchemaScope<N> {
  readonly #outer: SchemaScope<N> | undefined
  readonly #named: Map<string, Schema>
  /** The place of each schema of this scope. */
  readonly nodes = new Map<Schema, N>()
  /** The place of each schema within an `if`. */
  readonly conditions = new Map<Schema, N>()
  readonly #inner = new Map<Schema, SchemaScope<N>>()

  constructor (named = new Map<string, Schema>(), outer?: SchemaScope<N>) {
    this.#named = named
    this.#outer = outer
  }

  /** The scope inside a schema, created once. `$id` lets a recursive type refer to itself, and `$defs` are the definitions of a module. */
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

  /** Finds a named schema, and the scope that names it, here or in an outer scope. */
  find (name: string): { schema: Schema, scope: SchemaScope<N> } | undefined {
    const schema = this.#named.get(name)
    return schema === undefined ? this.#outer?.find(name) : { schema, scope: this }
  }

  /** All named schemas of this scope and its outer scopes, each with the scope that names it. */
  get definitions (): Array<{ schema: Schema, scope: SchemaScope<N> }> {
    return [...[...this.#named.values()].map((schema) => ({ schema, scope: this })), ...(this.#outer?.definitions ?? [])]
  }
}
