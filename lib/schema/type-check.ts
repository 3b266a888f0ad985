import type { BrokenRule } from './failure-text.ts'
import type { Schema } from './schema.ts'
import { Kind } from './type-marks.ts'

/** A schema, compiled. */
export interface TypeCheck {
  check (value: unknown): boolean
  /** The rules a value breaks: the first at each place, at most `MAX_FAILURES`. */
  failures (value: unknown): BrokenRule[]
}

/** Compiles the schemas of one TypeBox line. */
export interface TypeLine {
  /** @throws KindUnknown; another Error where the schema is none of this line, or cannot be compiled. */
  compile (schema: Schema, definitions: readonly Schema[]): TypeCheck
  /** A schema whose check is a function. It can stand in other schemas of this line. */
  checkedBy (accepts: (value: unknown) => boolean): Schema
  /** Makes formats known; resolves with the first that nobody knows. */
  provideFormats (names: Iterable<string>): Promise<string | undefined>
  /** Whether the application gave TypeBox a check for types of this kind. */
  isRegistered (kind: string): boolean
  /** Takes over the check of a kind that another copy of TypeBox in this process knows; resolves with whether there is one. */
  adopt (kind: string): Promise<boolean>
}

/** TypeBox has no check for types of this kind. */
export class KindUnknown extends Error {
  readonly kind: string

  constructor (kind: string) {
    super(`TypeBox has no check for the type "${kind}"; give it one in TypeBox's TypeRegistry`)
    this.kind = kind
  }
}

// A list of a hundred thousand broken items would otherwise become a message of megabytes.
const MAX_FAILURES = 20

/**
 * Loads the line that a schema is of: `@sinclair/typebox` 0.34, or `typebox` 1.x. An application needs one of them only.
 *
 * @returns Undefined where it is a schema of neither.
 * @throws PackageMissing
 */
export async function typeLineOf (schema: Schema): Promise<TypeLine | undefined> {
  if (Kind in schema) return (await import('./typebox-sinclair.ts')).load()
  return '~kind' in schema || '~unsafe' in schema ? (await import('./typebox-next.ts')).load() : undefined
}

/** One failure per path: TypeBox reports a missing property twice, as missing and as having the wrong type. */
export function firstAtEachPlace<E> (errors: Iterable<E>, toBroken: (error: E) => BrokenRule): BrokenRule[] {
  const broken = new Map<string, BrokenRule>()
  for (const error of errors) {
    const rule = toBroken(error)
    if (!broken.has(rule.failure.path)) broken.set(rule.failure.path, rule)
    if (broken.size === MAX_FAILURES) break
  }
  return [...broken.values()]
}
