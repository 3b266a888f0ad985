import { Type, type TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import fc from 'fast-check'
import { Compile, Next } from './typebox.ts'

export type Builder = typeof Type

/** Creates a schema that may refer to itself, in either TypeBox package. */
export type Recursive = (members: (self: TSchema) => TSchema) => TSchema

export type Check = (schema: TSchema, payload: unknown) => boolean

export const LINES: ReadonlyArray<[line: string, T: Builder, recursive: Recursive, check: Check]> = [
  ['@sinclair/typebox', Type, (members) => Type.Recursive(members), (schema, payload) => TypeCompiler.Compile(schema).Check(payload)],
  [
    'typebox', Next as unknown as Builder,
    (members) => Next.Cyclic({ Self: members(Next.Ref('Self') as unknown as TSchema) }, 'Self') as unknown as TSchema,
    (schema, payload) => Compile(schema).Check(payload)
  ]
]

// The limits on keys spare fast-check most values that it would build for a key that an object has already.

/** Schemas whose parts refer to the whole. */
export function schemas (T: Builder, recursive: Recursive): fc.Arbitrary<TSchema> {
  const { shape } = fc.letrec<{ shape: (Self: TSchema) => TSchema }>((tie) => ({
    shape: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom<(Self: TSchema) => TSchema>((Self) => Self, () => T.Null(), () => T.Object({})),
      fc.tuple(fc.dictionary(fc.constantFrom('a', 'b'), tie('shape'), { maxKeys: 2 }), fc.boolean()).map(([properties, isOpen]) => (Self: TSchema) => T.Object(
        Object.fromEntries(Object.entries(properties).map(([key, child]) => [key, T.Optional(child(Self))])), isOpen ? { additionalProperties: Self } : {})),
      tie('shape').map((item) => (Self: TSchema) => T.Array(item(Self))),
      tie('shape').map((value) => (Self: TSchema) => T.Record(T.String(), value(Self))),
      fc.array(tie('shape'), { minLength: 2, maxLength: 3 }).map((members) => (Self: TSchema) => T.Union(members.map((member) => member(Self)))),
      fc.array(tie('shape'), { minLength: 2, maxLength: 2 }).map((members) => (Self: TSchema) => T.Intersect(members.map((member) => member(Self))))
    )
  }))
  // An object comes first: a reference that leads to itself alone has no check.
  return shape.map((shape) => recursive((Self) => T.Union([T.Object({ a: T.Optional(Self) }), T.Array(Self), T.Object({ b: T.Optional(shape(Self)) })])))
}

export const payloads: fc.Arbitrary<object> = fc.letrec<{ payload: object }>((tie) => ({
  payload: fc.oneof(
    { depthSize: 'medium', maxDepth: 8 },
    fc.constant({}),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('payload'), { maxKeys: 3, noNullPrototype: true }),
    fc.array(tie('payload'), { maxLength: 3 })
  )
})).payload
