import type { FastifyBaseLogger } from 'fastify'

/**
 * A function of the application that cannot hurt: what it throws, or rejects with, is logged at `error`.
 */
export function harmless<A extends unknown[]> (logger: FastifyBaseLogger, option: string, callback: (...args: A) => unknown): (...args: A) => void {
  const failed = (err: unknown): void => logger.error({ err }, `sse: the option "${option}" threw`)
  return (...args) => {
    try {
      const result = callback(...args)
      if (result instanceof Promise) result.catch(failed)
    } catch (err) {
      failed(err)
    }
  }
}
