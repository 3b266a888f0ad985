import type { Schema } from './schema.ts'
import type { TypeLine } from './type-check.ts'
import { Kind } from './type-marks.ts'

/**
 * Loads the TypeBox line of a schema: `@sinclair/typebox` 0.34 or `typebox` 1.x. An application needs only one of them.
 *
 * @returns The line; undefined if the schema belongs to neither.
 * @throws PackageMissing when the package is not installed.
 */
export async function typeLineOf (schema: Schema): Promise<TypeLine | undefined> {
  if (Kind in schema) return (await import('./typebox-sinclair.ts')).load()
  return '~kind' in schema || '~unsafe' in schema ? (await import('./typebox-next.ts')).load() : undefined
}
