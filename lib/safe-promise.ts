/**
 * A promise that nobody has to await: a failure is logged, and never ends the process.
 *
 * It does all that a promise does, and may stand where one is asked for. Linters know promises by the name of their type, so they do not
 * report it as floating, as with Fastify's `SafePromiseLike`. The promises that `then`, `catch` and `finally` return are ordinary ones.
 */
export interface SafePromise<T> extends Pick<Promise<T>, keyof Promise<T>> {}
