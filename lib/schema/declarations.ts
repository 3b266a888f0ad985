import type { AnySchema, EncodedPayload, Payload } from './payload.ts'

/** How one event is declared: by its schema alone, or with more to say about it. */
export type Declaration<S> = S | DetailedDeclaration<S>

interface DetailedDeclaration<S> {
  readonly schema: S
  /** Not kept: it reaches who is there, and is never replayed. `broadcast` may say otherwise. @defaultValue false */
  readonly ephemeral?: boolean | undefined
  /**
   * Gives a key to each payload. A later event of the same channel with the same key replaces it for readers that have not got it
   * yet, those that come back included: of many moves of one cursor they get the last.
   */
  readonly latestBy?: ((payload: Payload<S>) => string | number) | undefined
}

/** Events by name, whatever they carry. */
export type Declarations = Readonly<Record<string, AnySchema | {
  readonly schema: AnySchema
  readonly ephemeral?: boolean | undefined
  // Of any payload: a function of one in particular is none of every one.
  readonly latestBy?: ((payload: never) => string | number) | undefined
}>>

export type SchemaOf<D> = D extends { readonly schema: infer S extends AnySchema } ? S : D

// `infer` gives the payloads themselves: they are compared, and shown by editors, without the declaration that they come from. It stands in
// each of these types, since a helper's name would get into the declarations of libraries, which cannot import it.

/** The payloads that a declaration lets you broadcast, by event. */
export type EventsOf<D> = { [K in keyof D]: Payload<SchemaOf<D[K]>> } extends infer E ? { [K in keyof E]: E[K] } : never

/** The payloads that readers of a declaration's events get, by event. */
export type EncodedEventsOf<D> = { [K in keyof D]: EncodedPayload<SchemaOf<D[K]>> } extends infer E ? { [K in keyof E]: E[K] } : never

/**
 * Declares events: their names, and a TypeBox schema for the payload of each.
 *
 * Gives back what it is given, with the types that `EventsOf`, `app.sse.of` and the browser client read.
 * Everything is checked when the plugin is registered with it.
 *
 * @example defineEvents({ 'order.updated': Type.Object({ id: Type.String() }) })
 */
export function defineEvents<const M extends Record<string, AnySchema>> (
  // A schema takes any property, so it alone would let through what is misspelt beside `schema`.
  declarations: { [K in keyof M]: (M[K] & { readonly schema?: never }) | DetailedDeclaration<M[K]> }
): { [K in keyof M]: Declaration<M[K]> } {
  return declarations
}
