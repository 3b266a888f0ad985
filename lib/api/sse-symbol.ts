// A registered symbol, because a process may load two copies of this plugin, one as a CommonJS module and one as an ES module.
export const kSse: unique symbol = Symbol.for('fastify-typed-sse.sse')

/** True if a value is the `app.sse` of any copy of this plugin. */
export function isSse (value: unknown): boolean {
  return typeof value === 'object' && value !== null && kSse in value
}
