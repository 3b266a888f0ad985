import type { BrokenRule } from './failure-text.ts'
import type { Schema } from './schema.ts'

// The contract of a TypeBox line: what `@sinclair/typebox` 0.34 and `typebox` 1.x both do for this plugin.

/** A compiled schema. */
export interface TypeCheck {
  /** True if the schema accepts a value. */
  check (value: unknown): boolean
  /** The rules that a value breaks: the first for each path, at most `MAX_FAILURES`. */
  failures (value: unknown): BrokenRule[]
}

/** Compiles the schemas of one TypeBox line. */
export interface TypeLine {
  /**
   * Compiles a schema.
   *
   * @param definitions The schemas that it may refer to.
   * @throws KindUnknown, or another Error when the schema belongs to the other line or cannot be compiled.
   */
  compile (schema: Schema, definitions: readonly Schema[]): TypeCheck
  /** Creates a schema whose check is a function, for use within other schemas of this line. */
  checkedBy (accepts: (value: unknown) => boolean): Schema
  /** Registers string formats. Resolves to the first name that is unknown, or to undefined if all are known. */
  provideFormats (names: Iterable<string>): Promise<string | undefined>
  /** The kinds of types that the application has registered. Absent: this line has no such registry. */
  readonly kinds?: Kinds
}

export interface Kinds {
  /** True if the application has registered a check for types of this kind. */
  has (kind: string): boolean
  /** Copies the check of a kind from another copy of TypeBox in this process. Resolves to false if no copy has one. */
  adopt (kind: string): Promise<boolean>
}

/** TypeBox has no check for types of this kind. */
export class KindUnknown extends Error {
  readonly kind: string

  constructor (kind: string) {
    super(`TypeBox has no check for the type "${kind}"; register one in TypeBox's TypeRegistry`)
    this.kind = kind
  }
}

// Limits the failures of a payload, which may be a list of a hundred thousand broken items.
const MAX_FAILURES = 20

/** Keeps one failure per path. TypeBox reports a missing property twice, as missing and as having the wrong type. */
export function firstAtEachPlace<E> (errors: Iterable<E>, toBroken: (error: E) => BrokenRule): BrokenRule[] {
  const broken = new Map<string, BrokenRule>()
  for (const error of errors) {
    const rule = toBroken(error)
    if (!broken.has(rule.failure.path)) broken.set(rule.failure.path, rule)
    if (broken.size === MAX_FAILURES) break
  }
  return [...broken.values()]
}
