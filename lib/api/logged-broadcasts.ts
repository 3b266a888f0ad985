import type { FastifyBaseLogger } from 'fastify'
import { Closed } from '../errors.ts'
import type { BroadcastOptions } from '../publish/broadcast-options.ts'
import type { Broadcast, Broadcaster } from '../publish/broadcaster.ts'
import { logError } from './guarded-callbacks.ts'

/** Broadcasts whose failures are logged and counted, so that callers need not await them. */
export class LoggedBroadcasts {
  readonly #broadcaster: Broadcaster
  readonly #logger: FastifyBaseLogger
  #hasLoggedClosed = false
  /** The number of broadcasts that were rejected. */
  failed = 0

  constructor (broadcaster: Broadcaster, logger: FastifyBaseLogger) {
    this.#broadcaster = broadcaster
    this.#logger = logger
  }

  /** Broadcasts an event. @param options A function, so that its errors reject like any other. */
  broadcast (event: string, data: unknown, options: () => BroadcastOptions): Promise<Broadcast> {
    const broadcast = this.#publish(event, data, options)
    broadcast.catch((err: unknown) => {
      this.failed++
      if (err instanceof Closed) this.#logClosed(err)
      else logError(this.#logger, { err, event }, 'sse: a broadcast failed')
    })
    return broadcast
  }

  /** Logs the first broadcast after closing only, and not as an error, because timers and close handlers often broadcast then. */
  #logClosed ({ message }: Error): void {
    if (this.#hasLoggedClosed) return
    this.#hasLoggedClosed = true
    this.#logger.info(`sse: ${message}; later broadcasts are counted, not logged`)
  }

  // `publish` runs synchronously within `broadcast`, so the stack of an error contains the caller.
  async #publish (event: string, data: unknown, options: () => BroadcastOptions): Promise<Broadcast> {
    return this.#broadcaster.publish(event, data, options())
  }
}
