import { type AnyResponse, hasClosed, whenClosed } from '../response/any-response.ts'

/** The result of `whileOpen` if the response closed first. */
export const LEFT = Symbol('left')

/**
 * Waits for the result of a function of the application, but no longer than a response is open. A later result or error is ignored.
 *
 * @param given The result, or a promise of it.
 * @throws the rejection of the promise, if it comes in time.
 */
export function whileOpen<T> (response: AnyResponse, given: T | Promise<T>): T | Promise<T | typeof LEFT> {
  if (!isPromise(given)) return given
  let forget = (): void => {}
  const closed = new Promise<typeof LEFT>((resolve) => {
    const left = (): void => resolve(LEFT)
    if (hasClosed(response)) left()
    else forget = whenClosed(response, left)
  })
  // The application's promise may never settle. `Promise.race` attaches only the resolve functions of its own promise to it, which hold
  // nothing once that promise is settled. An `await` would attach all code that waits, with the request and the reply.
  const first = Promise.race([closed, given])
  first.then(forget, forget)
  return first
}

function isPromise<T> (given: T | Promise<T>): given is Promise<T> {
  return typeof (given as Promise<T> | null | undefined)?.then === 'function'
}
