import type { FastifyBaseLogger, FastifyReply } from 'fastify'
import { Closed, NotAcceptable, RunUnknown } from '../errors.ts'
import type { ReplyOfAnyServer } from '../open/stream-opener.ts'
import { setImmediate } from '../time/timers.ts'

// Calls code of the application, and logs its errors, so that neither can end the process.

/**
 * Logs an error at level `error`. The error, or its cause, may be any value that the application threw. If the logger throws because of it,
 * only the message is logged.
 */
export function logError (logger: FastifyBaseLogger, fields: { readonly err: unknown, readonly event?: string, readonly run?: string }, message: string): void {
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

/** Logs an error unless the handler awaits `subscribe` and Fastify responds with it. A request can cause the error, so it must not end the process. */
export function logUnanswered (logger: FastifyBaseLogger, anyReply: ReplyOfAnyServer | undefined, err: unknown): void {
  // The request causes these errors, not the program.
  if (err instanceof NotAcceptable || err instanceof RunUnknown) return
  const reply = anyReply as FastifyReply | undefined
  setImmediate(() => {
    if (reply?.sent && reply.statusCode >= 400) return
    logError(logger, { err }, 'sse: "subscribe" failed, and the handler has not responded with the error; is "subscribe" awaited?')
  })
}
