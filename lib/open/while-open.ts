import { type AnyResponse, hasClosed, whenClosed } from '../response/any-response.ts'

/** The response closed first. */
export const LEFT = Symbol('left')

/**
 * Waits for what a function of the application gave, but no longer than a response is open. What comes later is ignored, an error too.
 *
 * @throws what a promise of the application rejects with in time
 */
export function whileOpen<T> (response: AnyResponse, given: T | Promise<T>): T | Promise<T | typeof LEFT> {
  if (!isPromise(given)) return given
  let forget = (): void => {}
  const closed = new Promise<typeof LEFT>((resolve) => {
    const left = (): void => resolve(LEFT)
    if (hasClosed(response)) left()
    else forget = whenClosed(response, left)
  })
  // The application's promise may live for ever. A race hangs nothing at it but the two ends of its own promise, and that one holds
  // nothing once it is settled; an `await` would hang all there that waits, the request and the reply among it.
  const first = Promise.race([closed, given])
  first.then(forget, forget)
  return first
}

function isPromise<T> (given: T | Promise<T>): given is Promise<T> {
  return typeof (given as Promise<T> | null | undefined)?.then === 'function'
}
