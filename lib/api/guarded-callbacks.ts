import type { FastifyBaseLogger } from 'fastify'
import { Closed } from '../errors.ts'

// Calls code of the application, and logs its errors, so that neither can end the process.

/**
 * Logs an error at level `error`. The error, or its cause, may be any value that the application threw. If the logger throws because of it,
 * only the message is logged.
 */
export function logError (logger: FastifyBaseLogger, fields: { readonly err: unknown, readonly event?: string }, message: string): void {
  try {
    logger.error(fields, message)
  } catch {
    logger.error(`${message}, and the error cannot be logged`)
  }
}

/**
 * Wraps a callback of the application so that its errors and rejections are logged at level `error` instead of thrown.
 *
 * @param option The option that holds the callback, for the log.
 */
export function guarded<A extends unknown[]> (logger: FastifyBaseLogger, option: string, callback: (...args: A) => unknown): (...args: A) => void {
  const failed = (err: unknown): void => {
    // Not logged: a callback that broadcasts fails once per stream when the application closes, and `broadcast` has logged that already.
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
