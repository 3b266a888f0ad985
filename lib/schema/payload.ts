// Derives two types from the schema of an event: the payload that an application broadcasts, and the payload that readers get.
//
// `@sinclair/typebox` has two sets of types, for `import` and for `require`, each with unique symbols of its own, so a schema type of one set
// is not assignable to the other. Schemas are therefore matched by their structure. The imports are for types whose structure does not suffice.

/** @ts-ignore: resolves if the application has `@sinclair/typebox`; otherwise no schema of that package occurs. */
import type { StaticDecode as DecodeImported, TRecursive as ImportedRecursive } from '@sinclair/typebox' with { 'resolution-mode': 'import' }
/** @ts-ignore: resolves if the application has `@sinclair/typebox`; otherwise no schema of that package occurs. */
import type { StaticDecode as DecodeRequired, TRecursive as RequiredRecursive } from '@sinclair/typebox' with { 'resolution-mode': 'require' }
/** @ts-ignore: resolves if the application has `typebox` 1.x; otherwise no schema of that package occurs. */
import type { StaticDecode as NextDecode, StaticEncode as NextEncode } from 'typebox' with { 'resolution-mode': 'import' }

/** A schema of `@sinclair/typebox` 0.34. */
interface SinclairSchema {
  readonly static: unknown
  readonly params: readonly unknown[]
}

/** A schema of `typebox` 1.x. */
type NextSchema = { readonly '~kind': string } | { readonly '~unsafe': unknown }

/** A schema of either TypeBox line: `@sinclair/typebox` 0.34 or `typebox` 1.x. */
export type AnySchema = SinclairSchema | NextSchema

/** The type of the payload that an application broadcasts under a schema: the decoded side of its transforms. */
export type Payload<S> =
  0 extends 1 & S ? unknown
    : S extends SinclairSchema ? true extends HasTransform<S> ? Decoded<S> : Static<S>
      : S extends NextSchema ? NextDecode<S> : never

/** The type of a payload under a schema after encoding: the encoded side of its transforms. */
export type Encoded<S> =
  0 extends 1 & S ? unknown
    : S extends SinclairSchema ? Static<S>
      : S extends NextSchema ? NextEncode<S> : never

/** The type of the payload that readers get under a schema: the encoded side, parsed from JSON. */
export type EncodedPayload<S> = Json<Encoded<S>>

/** The type of a value after JSON: a `Date` becomes text, a `Uint8Array` an object, and any object with a `toJSON` the result of that. */
type Json<T> = T extends { toJSON (...args: never[]): infer J } ? unknown extends T ? T : Written<J> : Written<T>

type Written<T> =
  unknown extends T ? T
    : T extends string | number | boolean | null | undefined ? T
      : T extends Uint8Array ? Record<string, number>
        : { [K in keyof T]: Json<T[K]> }

/** The static type that a schema of 0.34 carries. Unlike TypeBox's `StaticDecode`, it keeps the module of a reference. */
type Static<S> = S extends SinclairSchema ? (S & { readonly params: [] })['static'] : unknown

/** The decoder of a schema that is itself a `Type.Transform`; `never` for any other schema. */
export type DecoderOf<S> = S[keyof S & symbol] extends infer Mark ? Mark extends { readonly Decode: infer F } ? F : never : never

/** True for a schema with the mark of `Type.Recursive`. */
type IsRecursive<S> = true extends { [K in keyof S & symbol]: S[K] extends 'Recursive' ? true : false }[keyof S & symbol] ? true : false

type PartOfRecursive<S> = S extends ImportedRecursive<infer T> ? T : S extends RequiredRecursive<infer T> ? T : never

/** Includes `true` (`true` or `boolean`) if the schema or a part of it is a transform; otherwise `false` or `never`. */
type HasTransform<S> =
  S extends unknown
    ? [DecoderOf<S>] extends [never]
        ? S extends { readonly $defs: infer P } | { readonly properties: infer P } | { readonly patternProperties: infer P } ? HasTransform<P[keyof P]>
          : S extends { readonly anyOf: infer L } | { readonly allOf: infer L } ? HasTransform<L[number & keyof L]>
            : S extends { readonly type: 'array', readonly items: infer I } ? HasTransform<I extends readonly unknown[] ? I[number] : I>
              : IsRecursive<S> extends true ? HasTransform<PartOfRecursive<S>> : false
        : true
    : never

/**
 * The decoded side of a schema of 0.34. The static type of an object decides which properties are optional or read-only.
 *
 * @typeParam M The module whose definitions the references name.
 */
type Decoded<S, M = {}> =
  S extends unknown
    ? [DecoderOf<S>] extends [never]
        ? S extends { readonly $defs: infer N, readonly $ref: infer K } ? Decoded<N[K & keyof N], N>
          : S extends { readonly $ref: infer K extends keyof M } ? Decoded<M[K], M>
            : S extends { readonly properties: infer P } ? Static<S> extends infer T ? { [K in keyof T]: K extends keyof P ? Decoded<P[K], M> : T[K] } : never
              : S extends { readonly patternProperties: infer P } ? { [K in keyof Static<S>]: Decoded<P[keyof P], M> }
                : S extends { readonly anyOf: infer L } ? Decoded<L[number & keyof L], M>
                  : S extends { readonly allOf: infer L } ? DecodedAll<L, M>
                    : S extends { readonly type: 'array', readonly items: infer I } ? I extends readonly unknown[] ? DecodedItems<I, M> : Array<Decoded<I, M>>
                      : IsRecursive<S> extends true ? DecodedRecursive<S> : Static<S>
        : DecoderOf<S> extends (value: never) => infer D ? D : never
    : never

type DecodedItems<I, M> = { -readonly [K in keyof I]: Decoded<I[K], M> }

type DecodedAll<L, M> = L extends readonly [infer First, ...infer Others] ? Decoded<First, M> & DecodedAll<Others, M> : unknown

type DecodedRecursive<S> =
  S extends ImportedRecursive<infer T> ? DecodeImported<ImportedRecursive<T>>
    : S extends RequiredRecursive<infer T> ? DecodeRequired<RequiredRecursive<T>>
      : Static<S>
