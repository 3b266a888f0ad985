// The marks that TypeBox 0.34 puts on a schema, by their names in the registry of symbols: every copy of TypeBox in a process has the
// same ones, and none has to be loaded to read them.

export const Kind: unique symbol = Symbol.for('TypeBox.Kind')

/** On a `Type.Transform`: its decoder and encoder. */
export const TransformKind: unique symbol = Symbol.for('TypeBox.Transform')

const kGiven: unique symbol = Symbol.for('fastify-typed-sse.given')

/** Marks a check that this plugin gives to a registry of TypeBox. The application's own goes before it. */
export function given<F extends object> (check: F): F {
  return Object.assign(check, { [kGiven]: true })
}

/** Whether a check is one that this plugin gave, in whichever of its copies. */
export function isGiven (check: object): boolean {
  return kGiven in check
}
