import type { SchemaNode } from './schema-node.ts'
import type { TypeLine } from './type-check.ts'

/**
 * Decides which places of a schema accept which objects of a payload, and caches the results.
 *
 * TypeBox's check of a recursive union member descends to the bottom of a payload. If it ran at each level, its time would be quadratic in
 * the depth. The checks compiled here look at one level, and call this class for the next.
 */
export class Acceptance {
  readonly #compiled = new Map<SchemaNode, (value: unknown) => boolean>()
  readonly #line: TypeLine
  /** The results for the payload that is being read. */
  #known = new Map<SchemaNode, Map<object, boolean>>()

  /**
   * @param places The places that may be asked whether they accept a value.
   * @throws KindUnknown or another Error when TypeBox cannot compile a schema.
   */
  constructor (line: TypeLine, places: Iterable<SchemaNode>) {
    this.#line = line
    for (const place of places) this.#compile(place)
  }

  /** Calls a function that reads one payload. The cache lives only this long, because the next payload may contain a changed object. */
  during<R> (read: () => R): R {
    // Calls may be nested, because a getter of the payload may broadcast another payload.
    const outer = this.#known
    this.#known = new Map()
    try {
      return read()
    } finally {
      this.#known = outer
    }
  }

  /** Compiles the check of a place. @returns A function that checks each object of a payload at most once. */
  #compile (place: SchemaNode): (value: unknown) => boolean {
    const compiled = this.#compiled.get(place)
    if (compiled !== undefined) return compiled
    let check = (value: unknown): boolean => place.accepts(value)
    // A single function instead of several nested ones, to save stack for deep payloads.
    const accepts = (value: unknown): boolean => {
      if (typeof value !== 'object' || value === null) return check(value)
      let known = this.#known.get(place)
      if (known === undefined) this.#known.set(place, known = new Map())
      let answer = known.get(value)
      if (answer === undefined) {
        // Ends the recursion for an object that contains itself.
        known.set(value, false)
        known.set(value, answer = check(value))
      }
      return answer
    }
    this.#compiled.set(place, accepts)
    const { schema, definitions } = place.shallow((below) => this.#line.checkedBy(this.#compile(below)))
    check = this.#line.compile(schema, definitions).check
    place.compile(check)
    return accepts
  }
}
