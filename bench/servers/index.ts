import type { Contestant } from '../contract.ts'

/** In the order of the table. */
export const NAMES = ['floor', 'typed-sse', 'fastify-sse', 'better-sse', 'transmit', 'fastify-sse-v2', 'res-write', 'http-idle', 'nchan'] as const

export type Name = typeof NAMES[number]

/** Only what is asked for is loaded: the others would count in the memory of its process. */
export async function load (name: string): Promise<Contestant> {
  if (!NAMES.some((known) => known === name)) throw new TypeError(`There is no server "${name}", but ${NAMES.join(', ')}`)
  const { default: Server } = await import(`./${name}.js`) as { default: new () => Contestant }
  return new Server()
}
