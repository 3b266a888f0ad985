import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

const SHARED = fileURLToPath(new URL('public', import.meta.url))

/** Serves the page of an example: the files that all examples share, and the example's own `stream.js`. */
export async function servePage (app: FastifyInstance, example: URL): Promise<void> {
  await app.register(fastifyStatic, { root: [fileURLToPath(new URL('public', example)), SHARED], dotfiles: 'ignore' })
}

/**
 * Listens on the loopback address only, and closes the application on SIGINT (Ctrl+C) or SIGTERM.
 *
 * @param port The port to listen on; 0 for any free port.
 * @returns The origin of the application, such as `http://127.0.0.1:3000`.
 */
export async function start (app: FastifyInstance, port = process.env.PORT ?? '3000'): Promise<string> {
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { void app.close() })
  return app.listen({ host: '127.0.0.1', port: Number(port) })
}
