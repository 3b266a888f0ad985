import type { Contestant } from '../contract.ts'

// The servers under test, by name.

/** The names, in the order of the tables. */
export const NAMES = ['floor', 'typed-sse', 'fastify-sse', 'better-sse', 'transmit', 'fastify-sse-v2', 'res-write', 'http-idle', 'nchan', 'typed-sse-redis', 'typed-sse-sqlite',
  'tokens-res-write', 'tokens-typed-sse', 'runs-typed-sse'] as const

export type Name = typeof NAMES[number]

/** Loads one server. The others are not loaded, because they would count in the memory of the process. */
export async function load (name: string): Promise<Contestant> {
  if (!NAMES.some((known) => known === name)) throw new TypeError(`There is no server "${name}", but ${NAMES.join(', ')}`)
  const { default: Server } = await import(`./${name}.js`) as { default: new () => Contestant }
  return new Server()
}
