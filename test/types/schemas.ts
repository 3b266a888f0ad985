// Checked by the compiler only. A missing expected error is an error.

import { Type, type StaticDecode, type TSchema } from '@sinclair/typebox'
// The CommonJS build of TypeBox declares separate types.
import type {
  TArray, TImport, TNumber, TObject, TOptional, TRecursive, TRef, TString, TThis, TTransform
} from '@sinclair/typebox' with { 'resolution-mode': 'require'
  }
import * as Next from 'typebox'
import { defineEvents, type AnySchema, type Declarations, type EncodedEventsOf, type EncodedPayload, type EventsOf, type Payload, type Sse } from '../../plugin.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
/** Compiles only if a value has exactly the type `T`. */
declare function isExactly<T> (): <V>(value: V, ...different: Same<T, V> extends true ? [] : [never]) => void
declare function isSame<A, B> (...different: Same<A, B> extends true ? [] : [never]): void
declare const sse: Sse<EventsOf<typeof events>>

const At = Type.Transform(Type.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())

// Every kind of schema that has parts, with a transform in the parts.
export const everywhere = Type.Object({
  optional: Type.Optional(At),
  readonly: Type.Readonly(At),
  both: Type.Readonly(Type.Optional(At)),
  list: Type.Array(At),
  pair: Type.Tuple([At, Type.Number()]),
  union: Type.Union([Type.Object({ kind: Type.Literal('a'), at: At }), Type.Object({ kind: Type.Literal('b') })]),
  intersection: Type.Intersect([Type.Object({ at: At }), Type.Object({ n: Type.Number() })]),
  record: Type.Record(Type.String(), At),
  partial: Type.Partial(Type.Object({ at: At })),
  twice: Type.Transform(Type.Object({ at: At })).Decode(({ at }) => at.getTime()).Encode((time) => ({ at: new Date(time) })),
  tree: Type.Recursive((This) => Type.Object({ at: At, parts: Type.Array(This) })),
  enum: Type.Enum({ Red: 'red', Blue: 'blue' }),
  unsafe: Type.Unsafe<'a' | 'b'>({ enum: ['a', 'b'] }),
  unknown: Type.Unknown(),
  date: Type.Date(),
  bytes: Type.Uint8Array(),
  null: Type.Null(),
  template: Type.TemplateLiteral([Type.Literal('order-'), Type.Number()])
})

export function payloadsAreThoseThatTypeBoxDecodes (): void {
  isSame<Payload<typeof everywhere>, StaticDecode<typeof everywhere>>()
  isSame<Payload<typeof everywhere>['union'], { kind: 'a', at: Date } | { kind: 'b' }>()
  isSame<Payload<typeof everywhere>['twice'], number>()
  isSame<EncodedPayload<typeof everywhere>['union'], { kind: 'a', at: string } | { kind: 'b' }>()
  isSame<EncodedPayload<typeof everywhere>['date'], string>()
}

export function encodedPayloadsFollowToJson (): void {
  const Named = Type.Unsafe<{ toJSON (key: string): { at: Date, self: { toJSON (): string[] } } }>({})
  isSame<EncodedPayload<typeof Named>, { at: string, self: string[] }>()
  const Any = Type.Object({ any: Type.Any(), unknown: Type.Unknown(), list: Type.ReadonlyOptional(Type.Array(Type.Date())) })
  isSame<EncodedPayload<typeof Any>, { any: any, unknown: unknown, readonly list?: string[] }>()
  void [Named, Any]
}

const orders = Type.Module({
  Item: Type.Object({ article: Type.String(), count: Type.Number() }),
  Order: Type.Object({ items: Type.Array(Type.Ref('Item')), gift: Type.Optional(Type.Ref('Item')), next: Type.Optional(Type.Ref('Order')) })
})
const datedOrders = Type.Module({
  Item: Type.Object({ at: At }),
  Order: Type.Object({ items: Type.Array(Type.Ref('Item')), gift: Type.Optional(Type.Ref('Item')), next: Type.Optional(Type.Ref('Order')) })
})
const nextOrders = Next.Module({
  Item: Next.Object({ article: Next.String(), count: Next.Number() }),
  Order: Next.Object({ items: Next.Array(Next.Ref('Item')), next: Next.Optional(Next.Ref('Order')) })
})

export const events = defineEvents({
  order: orders.Import('Order'),
  dated: { schema: datedOrders.Import('Order'), latestBy: ({ items }) => items[0]!.at.getTime() },
  next: nextOrders.Order,
  tree: Type.Recursive((This) => Type.Object({ n: Type.Number(), parts: Type.Array(This) })),
  datedTree: Type.Recursive((This) => Type.Object({ at: At, parts: Type.Array(This) }))
})

export function referencesKeepTheirTypes (encoded: EncodedEventsOf<typeof events>): void {
  const item = { article: 'tea', count: 1 }
  const at = new Date()
  void sse.broadcast('order', { items: [item], gift: item, next: { items: [item] } })
  // @ts-expect-error an item within lacks "count"
  void sse.broadcast('order', { items: [{ article: 'tea' }] })
  // @ts-expect-error an item of the next order lacks "count"
  void sse.broadcast('order', { items: [], next: { items: [{ article: 'tea' }] } })
  void sse.broadcast('dated', { items: [{ at }], gift: { at }, next: { items: [{ at }] } })
  // @ts-expect-error a Date within
  void sse.broadcast('dated', { items: [{ at: 'now' }] })
  // @ts-expect-error a Date in the next order
  void sse.broadcast('dated', { items: [], next: { items: [{ at: 'now' }] } })
  void sse.broadcast('next', { items: [item], next: { items: [item] } })
  // @ts-expect-error an item within lacks "count"
  void sse.broadcast('next', { items: [{ article: 'tea' }] })
  void sse.broadcast('tree', { n: 1, parts: [{ n: 2, parts: [] }] })
  // @ts-expect-error a number within
  void sse.broadcast('tree', { n: 1, parts: [{ n: 'two', parts: [] }] })
  void sse.broadcast('datedTree', { at, parts: [{ at, parts: [] }] })
  // @ts-expect-error a Date within
  void sse.broadcast('datedTree', { at, parts: [{ at: 'now', parts: [] }] })
  isExactly<string>()(encoded.order.next!.items[0]!.article)
}

declare const required: {
  order: TObject<{ id: TString, note: TOptional<TString> }>
  dated: TObject<{ at: TTransform<TString, Date> }>
  tree: TRecursive<TObject<{ at: TTransform<TString, Date>, parts: TArray<TThis> }>>
  list: TImport<{ Item: TObject<{ n: TNumber, at: TTransform<TString, Date> }>, List: TArray<TRef<'Item'>> }, 'List'>
}

export function schemasOfTheCommonJsBuildCanBeDeclared (): Declarations {
  const { order, dated, tree, list } = required
  const events = defineEvents({ order, dated: { schema: dated, latestBy: ({ at }) => at.getTime() }, tree, list })
  isSame<EventsOf<typeof events>['order'], { id: string, note?: string }>()
  isSame<EventsOf<typeof events>['dated'], { at: Date }>()
  isSame<EventsOf<typeof events>['tree']['parts'][number]['parts'][number]['at'], Date>()
  isSame<EventsOf<typeof events>['list'], Array<{ n: number, at: Date }>>()
  isSame<EncodedEventsOf<typeof events>['dated'], { at: string }>()
  return events
}

export function misspeltKeysDoNotCompile (): void {
  const schema = Type.Object({ who: Type.String() })
  defineEvents({ a: { schema, ephemeral: undefined, latestBy: undefined } })
  // @ts-expect-error the key is "ephemeral"
  defineEvents({ a: { schema, ephemral: true } })
  // @ts-expect-error the key is "latestBy"
  defineEvents({ a: { schema, lastBy: ({ who }: { who: string }) => who } })
  // @ts-expect-error the key is "ephemeral", in typebox 1.x
  defineEvents({ a: { schema: Next.String(), ephemral: true } })
  // @ts-expect-error "schema" is a schema, not a declaration
  defineEvents({ a: { schema: { schema } } })
  // @ts-expect-error the key is "ephemeral" in a variable too
  const handedOn: Declarations = { a: { schema, ephemral: true } }
  void handedOn
}

// Schemas of unknown type have unknown payloads, not payloads of type never.
declare const untyped: any
declare const widened: Record<string, TSchema>
declare const anySchema: AnySchema

export function untypedSchemasHaveUnknownPayloads (): Declarations[] {
  isSame<Payload<any>, unknown>()
  isSame<EncodedPayload<any>, unknown>()
  isSame<Payload<TSchema>, unknown>()
  isSame<EventsOf<typeof widened>, { [event: string]: unknown }>()
  isSame<EncodedEventsOf<typeof widened>, { [event: string]: unknown }>()
  const events = defineEvents({ a: untyped, b: anySchema as TSchema, c: { schema: untyped, latestBy: (payload) => String(payload) } })
  isSame<EventsOf<typeof events>, { readonly a: unknown, readonly b: unknown, readonly c: unknown }>()
  const list = defineEvents(widened)
  isSame<EventsOf<typeof list>, { [event: string]: unknown }>()
  return [events, list]
}

export function aFunctionMayBeGenericOverDeclarations<D extends Declarations, K extends keyof EventsOf<D> & string> (
  untyped: Sse, declarations: D, event: K, payload: EventsOf<D>[K]
): void {
  void untyped.of(declarations).broadcast(event, payload)
}
