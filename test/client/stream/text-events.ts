import { Type } from '@sinclair/typebox'
import * as Next from 'typebox'

// Events that are text, and events that are JSON. The compiler decides this for the option `text`, and the server for its events.

const Dated = Type.Transform(Type.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())
const Trimmed = Type.Transform(Type.String()).Decode((text) => text.trim()).Encode((text) => text)
const NextDated = Next.Codec(Next.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())
const NextTrimmed = Next.Codec(Next.String()).Decode((text) => text.trim()).Encode((text) => text)
const Names = Type.Module({ Name: Type.String(), Names: Type.Array(Type.Ref('Name')) })
const NextNames = Next.Module({ Name: Next.String(), Names: Next.Array(Next.Ref('Name')) })

export const TEXT = {
  message: Type.String(),
  format: Type.String({ format: 'email' }),
  literal: Type.Literal('a'),
  literals: Type.Union([Type.Literal('a'), Type.Literal('b')]),
  union: Type.Union([Type.Literal('a'), Type.Union([Type.String(), Type.Literal('b')])]),
  template: Type.TemplateLiteral([Type.Literal('order-'), Type.Number()]),
  enum: Type.Enum({ Red: 'red', Blue: 'blue' }),
  intersection: Type.Intersect([Type.String(), Type.Literal('a')]),
  readonly: Type.Readonly(Type.String()),
  uppercase: Type.Uppercase(Type.Literal('a')),
  keys: Type.KeyOf(Type.Object({ a: Type.Number(), b: Type.Number() })),
  property: Type.Index(Type.Object({ a: Type.String() }), ['a']),
  module: Names.Import('Name'),
  declared: { schema: Type.String(), ephemeral: true },
  keyed: { schema: Type.String(), latestBy: (text: string) => text },
  'next.string': Next.String(),
  'next.literal': Next.Literal('a'),
  'next.union': Next.Union([Next.Literal('a'), Next.String()]),
  'next.template': Next.TemplateLiteral([Next.Literal('order-'), Next.Number()]),
  'next.enum': Next.Enum(['red', 'blue']),
  'next.intersection': Next.Intersect([Next.String(), Next.Literal('a')]),
  'next.refined': Next.Refine(Next.String(), () => true),
  'next.unsafe': Next.Unsafe<'a'>({ enum: ['a'] }),
  'next.module': NextNames.Name,
  'next.declared': { schema: Next.String(), ephemeral: true }
} as const

export const JSON_TEXT = {
  number: Type.Number(),
  object: Type.Object({ a: Type.String() }),
  array: Type.Array(Type.String()),
  boolean: Type.Boolean(),
  null: Type.Null(),
  any: Type.Any(),
  unknown: Type.Unknown(),
  never: Type.Never(),
  date: Type.Date(),
  bytes: Type.Uint8Array(),
  'regular expression': Type.RegExp(/a/),
  'regular expression or text': Type.Union([Type.RegExp(/a/), Type.String()]),
  'literal number': Type.Literal(1),
  'text or null': Type.Union([Type.String(), Type.Null()]),
  'literals mixed': Type.Union([Type.Literal('a'), Type.Literal(1)]),
  'enum of numbers': Type.Enum({ One: 1, Two: 2 }),
  'enum mixed': Type.Enum({ One: 1, Two: 'two' }),
  transform: Dated,
  'transform to text': Trimmed,
  'transform or text': Type.Union([Trimmed, Type.String()]),
  'transform deep within': Type.Union([Type.Literal('a'), Type.Union([Type.Literal('b'), Trimmed])]),
  'module of a list': Names.Import('Names'),
  declaration: { schema: Dated, latestBy: (at: Date) => at.getTime() },
  'next.number': Next.Number(),
  'next.object': Next.Object({ a: Next.String() }),
  'next.array': Next.Array(Next.String()),
  'next.any': Next.Any(),
  'next.unknown': Next.Unknown(),
  'next.never': Next.Never(),
  'next.text or null': Next.Union([Next.String(), Next.Null()]),
  'next.enum mixed': Next.Enum(['a', 1]),
  'next.codec': NextDated,
  'next.codec to text': NextTrimmed,
  'next.codec or text': Next.Union([NextTrimmed, Next.String()]),
  'next.codec and text': Next.Intersect([NextTrimmed, Next.String()]),
  'next.module of a list': NextNames.Names,
  'next.declaration': { schema: Next.Number(), ephemeral: true }
} as const
