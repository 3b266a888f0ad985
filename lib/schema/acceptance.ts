import type { SchemaNode } from './schema-node.ts'
import type { TypeLine } from './type-check.ts'

/**
 * Which places of a schema accept which objects of a payload.
 *
 * TypeBox's check of a member of a recursive union looks at everything below. Asked at each level of a payload, it would take time
 * that grows with the square of the depth. So a check looks at one level and asks here about the next, where answers are kept.
 */
export class Acceptance {
  readonly #compiled = new Map<SchemaNode, (value: unknown) => boolean>()
  readonly #line: TypeLine
  /** What is known of the payload that is being read. */
  #known = new Map<SchemaNode, Map<object, boolean>>()

  /** @param places Those that will be asked. @throws where TypeBox cannot compile their schemas. */
  constructor (line: TypeLine, places: Iterable<SchemaNode>) {
    this.#line = line
    for (const place of places) this.#compile(place)
  }

  /** Reads one payload. Not kept any longer: the next payload may hold the same object, changed. */
  during<R> (read: () => R): R {
    // A getter of the payload may broadcast another one.
    const outer = this.#known
    this.#known = new Map()
    try {
      return read()
    } finally {
      this.#known = outer
    }
  }

  /** @returns Whether the place accepts an object of the payload, asked at most once for each. */
  #compile (place: SchemaNode): (value: unknown) => boolean {
    const compiled = this.#compiled.get(place)
    if (compiled !== undefined) return compiled
    let check = (value: unknown): boolean => place.accepts(value)
    // One function, not several that call each other: a deep payload needs the stack.
    const accepts = (value: unknown): boolean => {
      if (typeof value !== 'object' || value === null) return check(value)
      let known = this.#known.get(place)
      if (known === undefined) this.#known.set(place, known = new Map())
      let answer = known.get(value)
      if (answer === undefined) {
        // An object that holds itself meets this answer, and comes to an end.
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
