import type { AnySchema, EncodedPayload, Payload } from './payload.ts'

// Declares events, and derives the types of their payloads.

/**
 * The declaration of one event: a TypeBox schema, or an object with the schema and the options of the event.
 *
 * @see docs/options.md
 */
export type Declaration<S> = S | DetailedDeclaration<S>

interface DetailedDeclaration<S> {
  /** The TypeBox schema of the payload. */
  readonly schema: S
  /** True: the event is not kept, and reaches only connected subscribers. An option of `broadcast` overrides this. @defaultValue false */
  readonly ephemeral?: boolean | undefined
  // `NoInfer`: the compiler instantiates a million types more if it also looks for the schema in a function that takes its payload.
  /**
   * Returns the key of a payload, text or a number. A later event of the same channel and key replaces an earlier one for readers that have not
   * received the earlier one, including readers that reconnect: such a reader gets only the last of many moves of a cursor.
   *
   * @defaultValue no key; nothing is replaced
   */
  readonly latestBy?: NoInfer<(payload: Payload<S>) => string | number> | undefined
  /**
   * Merges two consecutive events of a run, the older one first, for readers that are behind: a thousand words become one text. The payloads are those
   * that readers get. The result must match the schema. Undefined: they stay two events. Live readers get each event.
   *
   * @defaultValue none; nothing is merged
   */
  readonly merge?: NoInfer<(older: EncodedPayload<S>, newer: EncodedPayload<S>) => EncodedPayload<S> | undefined> | undefined
}

/** The declarations of events, by event type. */
export type Declarations = Readonly<Record<string, AnySchema | {
  readonly schema: AnySchema
  readonly ephemeral?: boolean | undefined
  // `never`, because a function that takes a particular payload is not assignable to one that takes any payload.
  readonly latestBy?: ((payload: never) => string | number) | undefined
  readonly merge?: ((older: never, newer: never) => unknown) | undefined
}>>

/** The schema of a declaration: its `schema`, or the declaration itself if it is a schema. */
export type SchemaOf<D> = D extends { readonly schema: infer S extends AnySchema } ? S : D

// `infer E` resolves the mapped type, so that the compiler compares, and editors show, plain payload types. Each type repeats it, because the
// name of a shared helper would appear in the declaration files of libraries, which cannot import it.

/** The types of the payloads that an application broadcasts, by event type, as declared. */
export type EventsOf<D> = { [K in keyof D]: Payload<SchemaOf<D[K]>> } extends infer E ? { [K in keyof E]: E[K] } : never

/** The types of the payloads that readers get, by event type: as declared, encoded, and parsed from JSON. */
export type EncodedEventsOf<D> = { [K in keyof D]: EncodedPayload<SchemaOf<D[K]>> } extends infer E ? { [K in keyof E]: E[K] } : never

/**
 * Declares events: their types, and a TypeBox schema for the payload of each. The declarations are checked when the plugin is registered.
 *
 * @param declarations A schema, or `{ schema, ephemeral, latestBy, merge }`, for each event type.
 * @returns The argument itself, with the types that `EventsOf`, `app.sse.of` and the browser client use.
 * @example defineEvents({ 'order.updated': Type.Object({ id: Type.String() }) })
 * @see docs/options.md
 */
export function defineEvents<const M extends Record<string, AnySchema>> (
  // `schema?: never` makes the compiler report a misspelt option beside `schema`, because a schema type accepts any property.
  declarations: { [K in keyof M]: (M[K] & { readonly schema?: never }) | DetailedDeclaration<M[K]> }
): { [K in keyof M]: Declaration<M[K]> } {
  return declarations
}
