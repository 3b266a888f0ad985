import type { EncodedEventsOf, SchemaOf } from '../../lib/schema/declarations.ts'
import type { PluginEvents } from '../../lib/wire/plugin-events.ts'
import type { AnySchema, DecoderOf, Encoded } from '../../lib/schema/payload.ts'

/** What a stream carries of which nothing is declared. */
export interface AnyDeclarations {
  [event: string]: AnySchema
}

type IsAny<D> = string extends keyof D ? true : false

/** The payloads that readers get, by event; the plugin's own among them. */
export type Payloads<D> =
  IsAny<D> extends true ? Record<string, unknown> & PluginEvents
    : EncodedEventsOf<D> & PluginEvents extends infer P ? { [K in keyof P]: P[K] } : never

export type EventName<D> = keyof Payloads<D> & string

/** True where a schema, or a member of a union, is written as JSON whatever it is encoded to. */
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

/** The events whose payload is text: the type is string, and no transform stands between. Any name where nothing is declared. */
export type TextEvent<D> = IsAny<D> extends true ? string : { [K in keyof D]: IsText<SchemaOf<D[K]>> extends true ? K : never }[keyof D] & string
