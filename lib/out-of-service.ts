/** As much of a server, of any kind, as counts here. */
export interface ClosableServer {
  readonly listening: boolean
  close (): unknown
  /** Of HTTP/1.1. */
  closeIdleConnections? (): void
}

/**
 * Takes a server out of service while its streams end.
 *
 * Fastify waits for that before it stops to listen, and answers 503 meanwhile: a reader that was told to come back, and does, would meet
 * it, and a native EventSource gives up for good. A connection that is refused it tries again.
 *
 * @param streamsEnded Resolves when they have.
 * @param comeback Milliseconds after which the first reader may come back.
 */
export async function outOfService (server: ClosableServer, streamsEnded: Promise<unknown>, comeback: number): Promise<void> {
  // Fastify closes it once more, and takes that for done.
  if (server.listening) server.close()
  // A reader would come back over the connection that it has, too.
  const timer = setInterval(() => server.closeIdleConnections?.(), Math.max(comeback / 2, SHORTEST_INTERVAL))
  await streamsEnded
  clearInterval(timer)
}

const SHORTEST_INTERVAL = 20
