import type { EncodedEventsOf, SchemaOf } from '../../lib/schema/declarations.ts'
import type { PluginEvents } from '../../lib/wire/plugin-events.ts'
import type { AnySchema, DecoderOf, Encoded } from '../../lib/schema/payload.ts'

// The types of events and payloads, derived from a declaration.

/** The declaration of a stream whose events are not declared: any event name goes, and payloads are `unknown`. */
export interface AnyDeclarations {
  [event: string]: AnySchema
}

type IsAny<D> = string extends keyof D ? true : false

/** The payload types by event, as readers receive them. The plugin's own events (`sse.*`) are included. */
export type Payloads<D> =
  IsAny<D> extends true ? Record<string, unknown> & PluginEvents
    : EncodedEventsOf<D> & PluginEvents extends infer P ? { [K in keyof P]: P[K] } : never

/** The names of the events of a declaration and of the plugin's own events. Any name if nothing is declared. */
export type EventName<D> = keyof Payloads<D> & string

/** True if the payload of a schema, or of one of its members, is always sent as JSON, whatever its encoded type. */
type HasCodec<S> =
  S extends { readonly '~codec': unknown } | { readonly type: 'RegExp' } ? true
    : [DecoderOf<S>] extends [never]
        ? S extends { anyOf: ReadonlyArray<infer M> } | { allOf: ReadonlyArray<infer M> } ? HasCodec<M> : false
        : true

type IsText<S> =
  unknown extends Encoded<S> ? false
    : [Encoded<S>] extends [never] ? false
        : [Encoded<S>] extends [string] ? true extends HasCodec<S> ? false : true
            : false

/** The names of the events whose payload is text: declared as a string, without a transform. Any name if nothing is declared. */
export type TextEvent<D> = IsAny<D> extends true ? string : { [K in keyof D]: IsText<SchemaOf<D[K]>> extends true ? K : never }[keyof D] & string
