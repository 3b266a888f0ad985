import type { Redis, RedisOptions } from 'ioredis'
import type { Broker } from '../../lib/broker/broker.ts'
import { atRegistration, demand, isObject, readLimit, readObject } from '../../lib/option-rules.ts'
import { EngineBroker } from '../engine/engine-broker.ts'
import { RedisEngine } from './redis-engine.ts'

// The entry point `fastify-typed-sse/redis`.

/**
 * The options of `redisBroker`.
 *
 * @see docs/scaling.md
 */
export interface RedisBrokerOptions {
  /**
   * A URL, the options of an ioredis connection, or an ioredis client of the application, such as that of `@fastify/redis`. A client is not used
   * itself: the broker makes two connections like it, and closes them.
   *
   * @defaultValue 'redis://127.0.0.1:6379'
   */
  readonly connection?: string | RedisOptions | Redis | undefined
  /** The beginning of every key. Registrations with one prefix share all events. @defaultValue 'sse' */
  readonly prefix?: string | undefined
  /** The time in milliseconds that an event waits for its place before its broadcast is rejected. @defaultValue 30_000 */
  readonly publishTimeout?: number | undefined
  /** The maximum number of events of this process that wait for their place. @defaultValue 100_000 */
  readonly maxWaiting?: number | undefined
  /** The maximum size in bytes of the events of this process that wait for their place. @defaultValue 64 MiB */
  readonly maxWaitingBytes?: number | undefined
}

const OPTIONS = ['connection', 'prefix', 'publishTimeout', 'maxWaiting', 'maxWaitingBytes']

/**
 * Creates a broker that keeps the order in Redis Streams, for any number of processes. Needs the package `ioredis`, and Redis or Valkey 7.0 or
 * newer.
 *
 * @throws FST_SSE_OPTION_UNKNOWN or FST_SSE_OPTION_INVALID when an option is wrong.
 * @example await app.register(ssePlugin, { events, broker: redisBroker({ connection: 'redis://redis:6379' }) })
 * @see docs/scaling.md
 */
export function redisBroker (options: RedisBrokerOptions = {}): Broker {
  return atRegistration(() => {
    const {
      connection = 'redis://127.0.0.1:6379', prefix = 'sse', publishTimeout = 30_000, maxWaiting = 100_000, maxWaitingBytes = 64 * 1024 * 1024
    } = readObject('redisBroker', options, OPTIONS)
    demand(typeof connection === 'string' || isObject(connection), 'redisBroker.connection', 'a URL, the options of ioredis, or a client of ioredis', connection)
    demand(!('isCluster' in Object(connection) && (connection as { isCluster?: boolean }).isCluster === true), 'redisBroker.connection',
      'a client of one server, not of a cluster', connection)
    demand(typeof prefix === 'string' && /^[^{}\s]+$/.test(prefix), 'redisBroker.prefix', 'text without spaces and braces', prefix)
    const engine = new RedisEngine(connection, prefix)
    return new EngineBroker(engine, {
      publishTimeout: readLimit('redisBroker.publishTimeout', publishTimeout),
      maxWaiting: readLimit('redisBroker.maxWaiting', maxWaiting),
      maxWaitingBytes: readLimit('redisBroker.maxWaitingBytes', maxWaitingBytes)
    })
  })
}
