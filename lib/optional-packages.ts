// Not by its name: `createRequire` is what servers that are bundled declare at their top.
import * as nodeModule from 'node:module'

// The packages that not every application needs. Each is loaded where it is used first. The names stand here as literals, and inside a
// `try`: bundlers follow the first and forgive an absent package for the second. The CommonJS half of this plugin has `require` in place
// of each `await import` here (scripts/build.js).

export type Sinclair = Pick<typeof import('@sinclair/typebox'), 'FormatRegistry' | 'Type' | 'TypeRegistry'> &
  Pick<typeof import('@sinclair/typebox/compiler'), 'TypeCompiler' | 'TypeCompilerUnknownTypeError'>
export type Next = Pick<typeof import('typebox/compile'), 'Compile'> & Pick<typeof import('typebox/format'), 'Format'>
type SinclairRegistries = Pick<Sinclair, 'FormatRegistry' | 'TypeRegistry'>

/** A package that is not there. */
export class PackageMissing extends Error {}

/** @throws PackageMissing */
export async function loadSinclair (): Promise<Sinclair> {
  try {
    const { FormatRegistry, Type, TypeRegistry } = await import('@sinclair/typebox')
    const { TypeCompiler, TypeCompilerUnknownTypeError } = await import('@sinclair/typebox/compiler')
    return { FormatRegistry, Type, TypeRegistry, TypeCompiler, TypeCompilerUnknownTypeError }
  } catch (error) {
    throw missing('@sinclair/typebox', error)
  }
}

/** @throws PackageMissing */
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
 * Every copy of TypeBox 0.34 that the application may have registered something with: the one for `import`, which is loaded if it was not,
 * and the one for `require`, if it was.
 */
export async function otherSinclairs (): Promise<SinclairRegistries[]> {
  // A variable, which bundlers leave alone: a copy within a bundle is one that nobody has registered anything with.
  const name = '@sinclair/typebox'
  const copies: SinclairRegistries[] = []
  try {
    copies.push(await import(/* webpackIgnore: true */ /* @vite-ignore */ name) as SinclairRegistries)
  } catch {
    // Bundled, or under a test runner that has no `import()`.
  }
  try {
    const { cache, resolve } = nodeModule.createRequire(import.meta.url)
    const required = cache[resolve(name)]?.exports as SinclairRegistries | undefined
    if (required !== undefined) copies.push(required)
  } catch {
    // Bundled.
  }
  return copies
}

function missing (name: string, cause: unknown): unknown {
  const { code = '', message } = cause as NodeJS.ErrnoException
  // Not a file of it that is missing. Plug'n'Play says "tried to access <name>".
  const isMissing = code.endsWith('MODULE_NOT_FOUND') && [`'${name}'`, `'${name}/`, `access ${name} `].some((text) => message.includes(text))
  return isMissing ? new PackageMissing(name, { cause }) : cause
}
