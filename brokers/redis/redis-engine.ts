import { randomBytes } from 'node:crypto'
import type { Redis, RedisOptions } from 'ioredis'
import { DriverMissing } from '../../lib/errors.ts'
import { within } from '../../lib/time/within.ts'
import type { Engine, Session } from '../engine/engine.ts'
import { RedisSession, type FollowedOrders, type Keys } from './redis-session.ts'

/** A connection of the application, which is duplicated, or what is needed to make one. */
export type RedisConnection = string | RedisOptions | Redis

// Longer than XREAD blocks: a connection that is silent for longer has lost its engine.
const SOCKET_TIMEOUT = 4000
const CONNECT_TIMEOUT = 5000

/**
 * The options of every connection. A command is sent once, because the broker decides which records are sent again. A lost connection does not
 * reconnect, because another session replaces it.
 */
const SENT_ONCE = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
  reconnectOnError: null,
  connectTimeout: CONNECT_TIMEOUT,
  socketTimeout: SOCKET_TIMEOUT,
  // Shorter ones of the application would end every blocked read.
  commandTimeout: undefined,
  blockingTimeout: undefined,
  protocol: 2,
  keyPrefix: ''
} satisfies RedisOptions

/** Redis, which keeps each order in a stream. */
export class RedisEngine implements Engine {
  readonly kind = 'redis'
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #followed: FollowedOrders = new Map()
  #connect!: () => Redis

  constructor (connection: RedisConnection, prefix: string) {
    this.#connection = connection
    this.#keys = {
      // A hash tag, because one script and one XREAD use many keys.
      kept: (order) => `{${prefix}}:order:${order}`,
      ephemeral: (order) => `{${prefix}}:ephemeral:${order}`,
      wake: `{${prefix}}:wake:${randomBytes(6).toString('hex')}`
    }
  }

  async load (): Promise<void> {
    const connection = this.#connection
    if (isClient(connection)) {
      this.#connect = () => connection.duplicate(SENT_ONCE)
      return
    }
    const { Redis } = await loadDriver()
    this.#connect = () => typeof connection === 'string' ? new Redis(connection, SENT_ONCE) : new Redis({ ...connection, ...SENT_ONCE } as typeof SENT_ONCE)
  }

  async connect (signal: AbortSignal): Promise<Session> {
    const connections = [this.#connect(), this.#connect()] as const
    const disconnect = (): void => { for (const connection of connections) connection.disconnect() }
    signal.addEventListener('abort', disconnect, { once: true })
    // The reason of a loss comes here, and as the rejection of every command.
    let cause: unknown
    for (const connection of connections) connection.on('error', (error) => { cause = error })
    try {
      await within(CONNECT_TIMEOUT, Promise.all(connections.map((connection) => connection.connect())), () => new Error(`Redis was not ready within ${CONNECT_TIMEOUT} ms`))
      const session = new RedisSession(...connections, this.#keys, this.#followed)
      await within(CONNECT_TIMEOUT, session.prepare(), () => new Error(`Redis did not answer within ${CONNECT_TIMEOUT} ms`))
      return session
    } catch (error) {
      disconnect()
      throw cause ?? error
    } finally {
      signal.removeEventListener('abort', disconnect)
    }
  }

  forget (order: string): void {
    this.#followed.delete(order)
  }
}

/** True for a client of the application, of any copy of ioredis. */
function isClient (connection: RedisConnection): connection is Redis {
  return typeof connection === 'object' && typeof (connection as Redis).duplicate === 'function'
}

async function loadDriver (): Promise<Pick<typeof import('ioredis'), 'Redis'>> {
  try {
    return await import('ioredis')
  } catch (cause) {
    throw new DriverMissing('redis', 'ioredis', { cause })
  }
}
