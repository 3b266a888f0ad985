import { memoryBroker, type Broker } from '../plugin.ts'

/** The choices of `--broker`, for the help and the error. */
export const BROKERS = 'memory, redis://HOST:PORT or sqlite:FILE'

/** Tells whether a text names a broker. */
export function isBroker (text: string): boolean {
  return text === 'memory' || /^rediss?:\/\/./.test(text) || /^sqlite:./.test(text)
}

/** Creates the broker that a text names. Loads no other, so that the demo runs without their drivers. */
export async function createBroker (text: string): Promise<Broker> {
  if (text.startsWith('sqlite:')) {
    const { sqliteBroker } = await import('../brokers/sqlite/index.ts')
    return sqliteBroker({ file: text.slice('sqlite:'.length) })
  }
  if (text === 'memory') return memoryBroker()
  const { redisBroker } = await import('../brokers/redis/index.ts')
  return redisBroker({ connection: text })
}
