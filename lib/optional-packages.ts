// Loads the packages that not every application needs, each when it is first used. What happens without them, in bundles and in other
// runtimes is tested by programs that have the package installed (test/consumers).

// Imported as a namespace, because bundled servers declare a `createRequire` of their own at the top of the file.
import * as nodeModule from 'node:module'

// Bundlers follow an import only if the name is a literal, and tolerate an absent package only inside a `try`. The CommonJS build of this
// plugin replaces each `await import` here with `require` (scripts/build.js).

export type Sinclair = Pick<typeof import('@sinclair/typebox'), 'FormatRegistry' | 'Type' | 'TypeRegistry'> &
  Pick<typeof import('@sinclair/typebox/compiler'), 'TypeCompiler' | 'TypeCompilerUnknownTypeError'>
export type Next = Pick<typeof import('typebox/compile'), 'Compile'> & Pick<typeof import('typebox/format'), 'Format'>
type SinclairRegistries = Pick<Sinclair, 'FormatRegistry' | 'TypeRegistry'>

/** A package is not installed. The message is its name. */
export class PackageMissing extends Error {}

/**
 * Loads `@sinclair/typebox` 0.34.
 *
 * @throws PackageMissing
 */
export async function loadSinclair (): Promise<Sinclair> {
  try {
    const { FormatRegistry, Type, TypeRegistry } = await import('@sinclair/typebox')
    const { TypeCompiler, TypeCompilerUnknownTypeError } = await import('@sinclair/typebox/compiler')
    return { FormatRegistry, Type, TypeRegistry, TypeCompiler, TypeCompilerUnknownTypeError }
  } catch (error) {
    throw missing('@sinclair/typebox', error)
  }
}

/**
 * Loads `typebox` 1.x.
 *
 * @throws PackageMissing
 */
export async function loadNext (): Promise<Next> {
  try {
    const { Compile } = await import('typebox/compile')
    const { Format } = await import('typebox/format')
    return { Compile, Format }
  } catch (error) {
    throw missing('typebox', error)
  }
}

export async function loadAjvFormats (): Promise<typeof import('ajv-formats/dist/formats.js')> {
  return await import('ajv-formats/dist/formats.js')
}

export async function loadStatic (): Promise<typeof import('@fastify/static').default> {
  const { default: fastifyStatic } = await import('@fastify/static')
  return fastifyStatic
}

/**
 * Finds the other copies of TypeBox 0.34 that the application may have registered types or formats with.
 *
 * @returns The copy for `import`, which this call loads if necessary, and the copy for `require` if it is already loaded.
 */
export async function otherSinclairs (): Promise<SinclairRegistries[]> {
  // Not a literal: a bundler would bundle a second copy, which knows none of the application's registrations.
  const name = '@sinclair/typebox'
  const copies: SinclairRegistries[] = []
  try {
    copies.push(await import(/* webpackIgnore: true */ /* @vite-ignore */ name) as SinclairRegistries)
  } catch {
    // The code runs in a bundle, or in a test runner without `import()`.
  }
  try {
    const { cache, resolve } = nodeModule.createRequire(import.meta.url)
    const required = cache[resolve(name)]?.exports as SinclairRegistries | undefined
    if (required !== undefined) copies.push(required)
  } catch {
    // The code runs in a bundle.
  }
  return copies
}

function missing (name: string, cause: unknown): unknown {
  const { code = '', message } = cause as NodeJS.ErrnoException
  // True only if the package itself is missing, not one of its files. Plug'n'Play says "tried to access <name>".
  const isMissing = code.endsWith('MODULE_NOT_FOUND') && [`'${name}'`, `'${name}/`, `access ${name} `].some((text) => message.includes(text))
  return isMissing ? new PackageMissing(name, { cause }) : cause
}
