import type { FastifyBaseLogger } from 'fastify'
import { Closed } from '../errors.ts'

/**
 * Logs what the application threw, or what holds it as its cause: that may be anything, and a logger that stumbles over it must not end
 * the process.
 */
export function logError (logger: FastifyBaseLogger, fields: { readonly err: unknown, readonly event?: string }, message: string): void {
  try {
    logger.error(fields, message)
  } catch {
    logger.error(`${message}, and the error cannot be logged`)
  }
}

/**
 * A function of the application that cannot hurt: what it throws, or rejects with, is logged at `error`.
 */
export function guarded<A extends unknown[]> (logger: FastifyBaseLogger, option: string, callback: (...args: A) => unknown): (...args: A) => void {
  const failed = (err: unknown): void => {
    // Every stream that ends with the application would bring one. The broadcast has seen to it.
    if (err instanceof Closed) return
    logError(logger, { err }, `sse: the option "${option}" threw`)
  }
  return (...args) => {
    try {
      const result = callback(...args)
      if (result instanceof Promise) result.catch(failed)
    } catch (err) {
      failed(err)
    }
  }
}
