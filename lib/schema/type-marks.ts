// The marks that TypeBox 0.34 puts on schemas. They are registered symbols, so all copies of TypeBox in a process share them, and none has to
// be loaded to read them.

/** The kind of a type, such as `String`. */
export const Kind: unique symbol = Symbol.for('TypeBox.Kind')

/** The decoder and the encoder of a `Type.Transform`. */
export const TransformKind: unique symbol = Symbol.for('TypeBox.Transform')

const kProvided: unique symbol = Symbol.for('fastify-typed-sse.given')

/** Marks a check that this plugin registers with TypeBox. A check of the application takes precedence over it. */
export function markProvided<F extends object> (check: F): F {
  return Object.assign(check, { [kProvided]: true })
}

/** True if any copy of this plugin registered a check. */
export function isProvided (check: object): boolean {
  return kProvided in check
}
