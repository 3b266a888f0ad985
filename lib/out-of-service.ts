import type { EventEmitter } from 'node:events'

/** As much of a server, of any kind, as counts here. */
export interface ClosableServer extends EventEmitter {
  readonly listening: boolean
  close (): unknown
  /** Of HTTP/1.1. */
  closeIdleConnections? (): void
}

const SHORTEST_INTERVAL = 20
const LONGEST_INTERVAL = 500

/**
 * Takes a server out of service before its streams have ended.
 *
 * Fastify waits for that before it stops to listen, and answers 503 meanwhile: a reader that was told to come back, and does, would meet
 * it, and a native EventSource gives up for good. A connection that is refused it tries again.
 *
 * @param comeback Milliseconds after which the first reader may come back.
 */
export function takeOutOfService (server: ClosableServer, comeback: number): void {
  if (!server.listening) return
  // Fastify closes it once more, and takes that for done.
  server.close()
  // A reader would come back over the connection that it has, too; and one that got its answer late would keep it, and the server.
  const interval = Math.min(Math.max(comeback / 2, SHORTEST_INTERVAL), LONGEST_INTERVAL)
  const timer = setInterval(() => server.closeIdleConnections?.(), interval).unref()
  server.once('close', () => clearInterval(timer))
}
