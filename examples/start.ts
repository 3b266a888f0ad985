import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

const SHARED = fileURLToPath(new URL('public', import.meta.url))

/** Serves the page of an example: the one that all share, and its own `stream.js`. */
export async function servePage (app: FastifyInstance, example: URL): Promise<void> {
  await app.register(fastifyStatic, { root: [fileURLToPath(new URL('public', example)), SHARED], dotfiles: 'ignore' })
}

/**
 * Listens on this machine alone, and ends with SIGINT (Ctrl+C) or SIGTERM.
 *
 * @param port 0: any that is free.
 * @returns The origin, such as `http://127.0.0.1:3000`.
 */
export async function start (app: FastifyInstance, port = process.env.PORT ?? '3000'): Promise<string> {
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { void app.close() })
  return app.listen({ host: '127.0.0.1', port: Number(port) })
}
