import type { TransformKind, TRegExp } from '@sinclair/typebox'
import type { AnySchema, Declarations, Encoded, EncodedEventsOf, SchemaOf } from '../lib/event-types.ts'
import type { OwnEvents } from '../lib/own-events.ts'

/** What a stream carries of which nothing is declared. */
export interface AnyDeclarations {
  [event: string]: AnySchema
}

type IsAny<D> = string extends keyof D ? true : false

/** The payloads that readers get, by event; the plugin's own among them. */
export type Payloads<D> = (IsAny<D> extends true ? Record<string, unknown> : EncodedEventsOf<D>) & OwnEvents

export type EventName<D> = keyof Payloads<D> & string

/** A part of a schema that is written as JSON, whatever it is encoded to. */
type HasCodec<S> =
  S extends { [TransformKind]: unknown } | { readonly '~codec': unknown } | TRegExp ? true
    : S extends { anyOf: ReadonlyArray<infer M> } | { allOf: ReadonlyArray<infer M> } ? true extends HasCodec<M> ? true : false
      : false

type IsText<S> =
  unknown extends Encoded<S> ? false
    : [Encoded<S>] extends [never] ? false
        : [Encoded<S>] extends [string] ? HasCodec<S> extends true ? false : true
            : false

/** The events whose payload is text: the type is string, and no transform stands between. */
export type TextEvent<D> = { [K in keyof D]: IsText<SchemaOf<D[K]>> extends true ? K : never }[keyof D] & string

/** Every order of some names. Of more than six the last are not held to their number: there would be thousands of orders. */
type Every<Name extends string, Depth extends readonly 0[] = [0, 0, 0, 0, 0, 0], N extends string = Name> =
  [Name] extends [never] ? readonly []
    : Depth extends readonly [0, ...infer Rest extends readonly 0[]]
      ? N extends N ? readonly [N, ...Every<Exclude<Name, N>, Rest>] : never
      : readonly Name[]

/** The list of the events whose payload is text, in any order. */
export type TextEvents<D extends Declarations> = IsAny<D> extends true ? readonly string[] : Every<TextEvent<D>>
