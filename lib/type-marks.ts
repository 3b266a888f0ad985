// The marks that TypeBox 0.34 puts on a schema, by their names in the registry of symbols: every copy of TypeBox in a process has the
// same ones, and none has to be loaded to read them.

export const Kind: unique symbol = Symbol.for('TypeBox.Kind')

/** On a `Type.Transform`: its decoder and encoder. */
export const TransformKind: unique symbol = Symbol.for('TypeBox.Transform')
