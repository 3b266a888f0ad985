/**
 * A promise that you need not await: a rejection is logged and never ends the process.
 *
 * It has all members of a promise and is assignable to `Promise<T>`. Linters recognise promises by the name of their type, so they do not
 * report it as floating, like Fastify's `SafePromiseLike`. The promises that `then`, `catch` and `finally` return are ordinary promises.
 *
 * @see docs/errors.md
 */
export interface SafePromise<T> extends Pick<Promise<T>, keyof Promise<T>> {}
