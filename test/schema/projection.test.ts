import { Type, type TSchema } from '@sinclair/typebox'
import fc from 'fast-check'
import t from 'tap'
import { encodePayload } from '../../lib/wire/encode.ts'
import { EventTypes } from '../../lib/schema/event-types.ts'
import type { AnySchema } from '../../lib/schema/payload.ts'
import { tries } from '../support/tries.ts'
import { Next } from '../support/typebox.ts'

type Builder = typeof Type

// Both lines build equal schemas from these calls; only their compile-time types differ.
const LINES: ReadonlyArray<[line: string, T: Builder]> = [
  ['@sinclair/typebox', Type],
  ['typebox', Next as unknown as Builder]
]

const REFUSED = Symbol('refused')

/** The claim, the schema, the payload of the broadcast, and the payload that is sent. */
type Case = [claim: string, schema: AnySchema, given: unknown, goesOut: unknown]

class Order {
  readonly id = 'o-1'
  readonly #cents = 950
  get total (): number { return this.#cents / 100 }
  get customer (): object { return { name: 'Ada', password: 'x' } }
  get secret (): never { throw new Error('nobody asks for this') }
  toJSON (): object { return { everything: true } }
}

function casesOfBothLines (T: Builder): Case[] {
  const A = T.Object({ a: T.Number() })
  const B = T.Object({ b: T.Number() })
  const name = T.Object({ name: T.String() })
  const row = { a: 1, b: 2, c: 3 }
  return [
    ['an undeclared property is removed', A, row, { a: 1 }],
    ['an undeclared property of a property is removed', T.Object({ who: name }), { who: { name: 'Ada', password: 'x' } }, { who: { name: 'Ada' } }],
    ['an object without declared properties becomes empty', T.Object({}), row, {}],
    ['an optional property is sent if it is present', T.Object({ a: T.Optional(T.Number()), d: T.Optional(T.Number()) }), row, { a: 1 }],
    ['an optional property may be undefined', T.Object({ a: T.Optional(T.Number()) }), { a: undefined, b: 2 }, {}],
    ['null is a value', T.Object({ a: T.Null(), b: T.Union([name, T.Null()]) }), { a: null, b: null, c: null }, { a: null, b: null }],

    ['additionalProperties: true keeps other properties whole', T.Object({ a: T.Number() }, { additionalProperties: true }), { a: 1, b: { c: 3 } }, { a: 1, b: { c: 3 } }],
    ['additionalProperties: true keeps nothing undeclared in a declared property', T.Object({ who: name }, { additionalProperties: true }), { who: { name: 'Ada', password: 'x' }, b: 2 }, { who: { name: 'Ada' }, b: 2 }],
    ['additionalProperties with a schema keeps other properties projected', T.Object({ a: T.Number() }, { additionalProperties: name }), { a: 1, b: { name: 'Ada', password: 'x' } }, { a: 1, b: { name: 'Ada' } }],
    ['additionalProperties with a schema refuses a property that does not fit it', T.Object({ a: T.Number() }, { additionalProperties: name }), { a: 1, b: 2 }, REFUSED],
    ['additionalProperties: false refuses an undeclared property', T.Object({ a: T.Number() }, { additionalProperties: false }), row, REFUSED],

    ['the accepting member of a union declares its properties', T.Union([A, T.Object({ z: T.Number() })]), row, { a: 1 }],
    ['all accepting members of a union declare their properties', T.Union([A, B]), row, { a: 1, b: 2 }],
    ['a member of a union that does not accept declares no property', T.Union([A, T.Object({ a: T.Number(), b: T.String() })]), row, { a: 1 }],
    ['members discriminated by a literal do not mix', T.Union([T.Object({ kind: T.Literal('a'), a: T.Number() }), T.Object({ kind: T.Literal('b'), b: T.Number() })]), { ...row, kind: 'b' }, { b: 2, kind: 'b' }],
    ['members of a union are merged within a property too', T.Object({ p: T.Union([A, B]) }), { p: row }, { p: { a: 1, b: 2 } }],
    ['a property that two members declare differently is merged', T.Union([T.Object({ p: A }), T.Object({ p: B })]), { p: row }, { p: { a: 1, b: 2 } }],
    ['each item of a list is projected by its own members of a union', T.Array(T.Union([A, T.Object({ z: T.Number() })])), [{ a: 1, c: 1 }, { z: 2, c: 2 }, { a: 3, z: 4 }], [{ a: 1 }, { z: 2 }, { a: 3, z: 4 }]],
    ['a union with Unknown keeps the value whole', T.Union([A, T.Unknown()]), row, row],

    ['intersections are merged', T.Intersect([A, B]), row, { a: 1, b: 2 }],
    ['intersections in intersections are merged', T.Intersect([T.Intersect([A, B]), T.Intersect([T.Object({ c: T.Number() })])]), { ...row, d: 4 }, row],
    ['intersections are merged within a property', T.Intersect([T.Object({ p: A }), T.Object({ p: B })]), { p: row }, { p: { a: 1, b: 2 } }],
    ['an intersection with a union uses the members that accept', T.Intersect([A, T.Union([B, T.Object({ c: T.String() })])]), row, { a: 1, b: 2 }],
    ['one open member of an intersection keeps other properties', T.Intersect([A, T.Object({}, { additionalProperties: true })]), row, row],
    ['Unknown in an intersection keeps nothing undeclared', T.Intersect([A, T.Unknown()]), row, { a: 1 }],
    ['unevaluatedProperties: true keeps other properties', T.Intersect([A, B], { unevaluatedProperties: true }), row, row],
    ['unevaluatedProperties: true keeps nothing undeclared in a declared property', T.Intersect([T.Object({ who: name }), B], { unevaluatedProperties: true }), { who: { name: 'Ada', password: 'x' }, b: 2, c: { d: 4 } }, { who: { name: 'Ada' }, b: 2, c: { d: 4 } }],
    ['unevaluatedProperties with a schema keeps other properties projected', T.Intersect([A, B], { unevaluatedProperties: name }), { a: 1, b: 2, c: { name: 'Ada', password: 'x' } }, { a: 1, b: 2, c: { name: 'Ada' } }],
    ['unevaluatedProperties with a schema keeps nothing undeclared in a declared property', T.Intersect([T.Object({ who: name }), B], { unevaluatedProperties: T.Unknown() }), { who: { name: 'Ada', password: 'x' }, b: 2 }, { who: { name: 'Ada' }, b: 2 }],
    ['unevaluatedProperties: false refuses an undeclared property', T.Intersect([A, B], { unevaluatedProperties: false }), row, REFUSED],

    ['a Record keeps every key and projects its values', T.Record(T.String(), name), { x: { name: 'Ada', password: 'x' }, y: { name: 'Bob' } }, { x: { name: 'Ada' }, y: { name: 'Bob' } }],
    ['a Record of literal keys keeps these keys', T.Record(T.Union([T.Literal('a'), T.Literal('b')]), T.Number()), row, { a: 1, b: 2 }],
    ['a Record of a pattern keeps the keys that match', T.Record(T.String({ pattern: '^x-' }), T.Number()), { 'x-a': 1, b: 2 }, { 'x-a': 1 }],
    ['a Tuple projects each item by its own type', T.Tuple([A, B]), [row, row], [{ a: 1 }, { b: 2 }]],
    ['a Tuple refuses further items', T.Tuple([A]), [row, row], REFUSED],
    ['an empty list is a list', T.Array(A), [], []],
    ['lists in lists are projected', T.Array(T.Array(A)), [[row], []], [[{ a: 1 }], []]],

    ['Unknown keeps the value whole', T.Unknown(), { a: { b: [row] } }, { a: { b: [row] } }],
    ['Any keeps the value whole', T.Object({ p: T.Any() }), { p: { a: { b: 2 } }, q: 1 }, { p: { a: { b: 2 } } }],
    ['a Date under Unknown is sent as JSON writes it', T.Object({ at: T.Unknown() }), { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],

    ['a declared property named __proto__ is sent', T.Object({ ['__proto__']: A }), { ['__proto__']: row, a: 1 }, { ['__proto__']: { a: 1 } }],
    ['a declared property named __proto__ is not the prototype', T.Object({ ['__proto__']: T.Optional(T.Unknown()), a: T.Number() }), row, { a: 1 }],
    ['a declared property named constructor or toString is sent', T.Object({ constructor: A, toString: T.String() }), { constructor: row, toString: 'text', b: 2 }, { constructor: { a: 1 }, toString: 'text' }],
    ['an undeclared property named __proto__ or constructor is removed', A, { a: 1, ['__proto__']: row, constructor: row }, { a: 1 }],
    ['a key named __proto__ of a Record is sent', T.Record(T.String(), A), { ['__proto__']: row }, { ['__proto__']: { a: 1 } }],
    ['a declared getter of a class is sent, and its toJSON is ignored', T.Object({ id: T.String(), total: T.Number(), customer: name }), new Order(), { id: 'o-1', total: 9.5, customer: { name: 'Ada' } }],
    ['a getter of a class that is not declared is not called', T.Object({ id: T.String() }), new Order(), { id: 'o-1' }],
    ['an object without a prototype is sent', A, Object.assign(Object.create(null), row), { a: 1 }],
    ['a symbol key is removed', T.Object({ a: T.Number() }, { additionalProperties: true }), { a: 1, [Symbol('s')]: 1 }, { a: 1 }],
    ['text is sent unchanged', T.Object({ a: T.String() }), { a: 'x\r\ny' }, { a: 'x\r\ny' }]
  ]
}

function casesOfSinclair (): Case[] {
  const Tree = Type.Recursive((This) => Type.Object({ name: Type.String(), children: Type.Array(This) }))
  const List = Type.Recursive((This) => Type.Union([Type.Null(), Type.Object({ value: Type.Number(), next: This })]))
  const Shop = Type.Module({
    Customer: Type.Object({ name: Type.String(), orders: Type.Array(Type.Ref('Order')) }),
    Order: Type.Object({ id: Type.String(), customer: Type.Union([Type.Ref('Customer'), Type.Null()]) })
  })
  const Ada = { name: 'Ada', password: 'x', orders: [{ id: 'o-1', customer: null, card: '4711' }] }
  const publicAda = { name: 'Ada', orders: [{ id: 'o-1', customer: null }] }
  return [
    ['a recursive type is projected at every depth', Tree, { name: 'a', x: 1, children: [{ name: 'b', x: 1, children: [] }] }, { name: 'a', children: [{ name: 'b', children: [] }] }],
    ['a recursive union is projected at every depth', List, { value: 1, x: 1, next: { value: 2, x: 1, next: null } }, { value: 1, next: { value: 2, next: null } }],
    ['a recursive type within a union is projected', Type.Union([Tree, Type.Null()]), { name: 'a', x: 1, children: [] }, { name: 'a', children: [] }],
    ['a type of a module is projected through its references', Shop.Import('Customer'), Ada, publicAda],
    ['two types of one module may be used in one event', Type.Object({ a: Shop.Import('Customer'), b: Shop.Import('Order') }), { a: Ada, b: { id: 'o-2', customer: Ada, x: 1 } }, { a: publicAda, b: { id: 'o-2', customer: publicAda } }],
    ['Composite declares the properties of all members', Type.Composite([Type.Object({ a: Type.Number() }), Type.Object({ b: Type.Number() })]), { a: 1, b: 2, c: 3 }, { a: 1, b: 2 }],
    ['Pick declares the picked properties', Type.Pick(Type.Object({ a: Type.Number(), b: Type.Number() }), ['a']), { a: 1, b: 2 }, { a: 1 }],
    ['a Date is sent as JSON writes it', Type.Object({ at: Type.Date() }), { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
    ['Not in an intersection keeps nothing undeclared', Type.Intersect([Type.Object({ a: Type.Number() }), Type.Not(Type.Object({ d: Type.Number() }))]), { a: 1, b: 2 }, { a: 1 }],
    ['Not in an intersection refuses a value that fits it', Type.Intersect([Type.Object({ a: Type.Number() }), Type.Not(Type.Object({ b: Type.Number() }))]), { a: 1, b: 2 }, REFUSED],
    ['Not alone keeps the value whole', Type.Not(Type.String()), { a: 1, b: 2 }, { a: 1, b: 2 }],
    ['a sparse list is refused', Type.Array(Type.Object({ a: Type.Number() })), new Array(2), REFUSED],
    ['patternProperties declare the keys that match', Type.Object({ a: Type.Number() }, { patternProperties: { '^x-': Type.Object({ b: Type.Number() }) } }), { a: 1, 'x-b': { b: 2, c: 3 }, y: 1 }, { a: 1, 'x-b': { b: 2 } }]
  ]
}

function casesOfNext (): Case[] {
  const T = Next
  const A = { type: 'object', required: ['a'], properties: { a: { type: 'number' } } }
  const row = { a: 1, b: 2 }
  return [
    ['a Cyclic type is projected at every depth', T.Cyclic({ Tree: T.Object({ name: T.String(), children: T.Array(T.Ref('Tree')) }) }, 'Tree'), { name: 'a', x: 1, children: [{ name: 'b', x: 1, children: [] }] }, { name: 'a', children: [{ name: 'b', children: [] }] }],
    ['a Cyclic union is projected at every depth', T.Cyclic({ List: T.Union([T.Null(), T.Object({ value: T.Number(), next: T.Ref('List') })]) }, 'List'), { value: 1, x: 1, next: { value: 2, x: 1, next: null } }, { value: 1, next: { value: 2, next: null } }],
    ['plain JSON Schema is projected', T.Unsafe(A), row, { a: 1 }],
    ['"not" in an intersection keeps nothing undeclared', T.Intersect([T.Object({ a: T.Number() }), T.Unsafe({ not: { required: ['d'] } })]), row, { a: 1 }],
    ['a sparse list, which typebox accepts, is refused, since its holes would be sent as null', T.Array(T.Object({ a: T.Number() })), new Array(2), REFUSED],
    ['"true" as a schema keeps the value whole', T.Unsafe({ type: 'object', properties: { a: true } }), { a: row, b: 1 }, { a: row }],
    ['a property that "then" declares is sent', T.Unsafe({ ...A, if: { properties: { a: { const: 1 } } }, then: { properties: { b: { type: 'number' } } } }), { ...row, c: 3 }, row],
    ['a property that "then" declares is removed if "if" does not accept', T.Unsafe({ if: { properties: { k: { const: 'a' } } }, then: { properties: { secret: {} } }, else: { properties: { k: {}, open: {} } } }), { k: 'b', secret: 1, open: 2 }, { k: 'b', open: 2 }],
    ['a key that matches a pattern only as Unicode is sent', T.Unsafe({ type: 'object', patternProperties: { '^\\p{L}+$': { type: 'number' } } }), { é: 1, 1: 1 }, { é: 1 }],
    ['prefixItems alone remove the items after them', T.Unsafe({ type: 'array', prefixItems: [A] }), [row, row, 'x'], [{ a: 1 }]],
    ['unevaluatedItems keep the items after prefixItems projected', T.Unsafe({ allOf: [{ type: 'array', prefixItems: [A] }], unevaluatedItems: A }), [row, row], [{ a: 1 }, { a: 1 }]]
  ]
}

for (const [line, T] of LINES) {
  const own = T === Type ? casesOfSinclair() : casesOfNext()
  t.test(`a schema of ${line} decides which parts of a payload are sent`, async (t) => {
    for (const [claim, schema, given, goesOut] of [...casesOfBothLines(T), ...own]) {
      const types = await EventTypes.compile([{ event: schema }])
      const outgoing = (): unknown => types.validate('event', deepFreeze(given)).payload
      if (goesOut === REFUSED) t.throws(outgoing, { code: 'FST_SSE_PAYLOAD_INVALID' }, claim)
      else t.equal(encodePayload('event', outgoing(), false), JSON.stringify(goesOut), claim)
    }
  })

  t.test(`for any schema of ${line} and any payload that it accepts`, async (t) => {
    t.test('the sent payload is accepted again and sent unchanged', async (t) => {
      await t.resolves(fc.assert(fc.asyncProperty(schemas(T).chain(withPayload), async ([schema, payload]) => {
        const types = await EventTypes.compile([{ event: schema }])
        fc.pre(accepts(types, payload))
        const { payload: once } = types.validate('event', deepFreeze(payload))
        const { payload: twice } = types.validate('event', once)
        return JSON.stringify(twice) === JSON.stringify(once)
      }), tries(300)))
    })

    t.test('the sent payload is accepted by the closed schema', async (t) => {
      await t.resolves(fc.assert(fc.asyncProperty(schemas(T, { merging: false }).chain(withPayload), async ([schema, payload]) => {
        const types = await EventTypes.compile([{ event: schema }])
        fc.pre(accepts(types, payload))
        const closed = await EventTypes.compile([{ event: close(T, schema) }])
        return accepts(closed, types.validate('event', payload).payload)
      }), tries(300)))
    })
  })
}

function accepts (types: EventTypes, payload: unknown): boolean {
  try {
    types.validate('event', payload)
    return true
  } catch {
    return false
  }
}

const KEYS = ['a', 'b', 'c', '__proto__']

/** Objects that have some of the keys. */
function keyed<V> (value: fc.Arbitrary<V>, options: fc.DictionaryConstraints = {}): fc.Arbitrary<Record<string, V>> {
  // Without a limit most values would be built for a key that the object has already.
  return fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: KEYS.length, ...options })
}

/** Arbitrary schemas. If `merging` is false, no part of the payload is described by several schemas. */
function schemas (T: Builder, { merging = true } = {}): fc.Arbitrary<TSchema> {
  const object = (child: fc.Arbitrary<TSchema>): fc.Arbitrary<TSchema> => fc.tuple(
    keyed(fc.tuple(child, fc.boolean()), { noNullPrototype: true }),
    fc.option(merging ? fc.oneof(child, fc.constant(true)) : child, { freq: 4 })
  ).map(([properties, additionalProperties]) => T.Object(
    Object.fromEntries(Object.entries(properties).map(([key, [schema, isOptional]]) => [key, isOptional ? T.Optional(schema) : schema])),
    additionalProperties === null ? {} : { additionalProperties }))
  const { schema } = fc.letrec<{ schema: TSchema }>((tie) => ({
    schema: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(T.String(), T.Number(), T.Boolean(), T.Null(), T.Literal('a'), T.Literal(1), ...merging ? [T.Unknown()] : []),
      object(tie('schema')),
      object(tie('schema')),
      tie('schema').map((item) => T.Array(item)),
      fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((items) => T.Tuple(items)),
      tie('schema').map((value) => T.Record(T.String(), value)),
      ...merging
        ? [
            fc.array(tie('schema'), { minLength: 2, maxLength: 3 }).map((members) => T.Union(members)),
            fc.array(object(tie('schema')), { minLength: 2, maxLength: 3 }).map((members) => T.Intersect(members))
          ]
        : []
    )
  }))
  return schema
}

function withPayload (schema: TSchema): fc.Arbitrary<[TSchema, unknown]> {
  return payloads(schema).map((payload): [TSchema, unknown] => [schema, payload])
}

/** Arbitrary payloads that the schema mostly accepts, with undeclared properties. */
function payloads (schema: TSchema): fc.Arbitrary<unknown> {
  const { type, const: literal, anyOf, allOf, properties, patternProperties, items } = schema
  if (literal !== undefined) return fc.constant(literal)
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(payloads))
  if (allOf !== undefined) return fc.tuple(...(allOf as TSchema[]).map(payloads)).map((parts) => Object.assign(Object.create(null), ...parts) as unknown)
  if (patternProperties !== undefined) return keyed(payloads(Object.values<TSchema>(patternProperties)[0] ?? {} as TSchema))
  if (properties !== undefined) {
    const declared = Object.fromEntries(Object.entries<TSchema>(properties).map(([key, child]) => [key, payloads(child)]))
    const others = keyed(fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constant({ a: 1, b: 'x' })))
    return fc.tuple(others, fc.record(declared)).map((parts) => Object.assign(Object.create(null), ...parts) as unknown)
  }
  if (Array.isArray(items)) return fc.tuple(...items.map(payloads))
  if (items !== undefined) return fc.array(payloads(items as TSchema), { maxLength: 3 })
  if (type === 'string') return fc.string({ maxLength: 3 })
  if (type === 'number') return fc.integer()
  if (type === 'boolean') return fc.boolean()
  return type === 'null' ? fc.constant(null) : fc.jsonValue({ maxDepth: 2 })
}

/** A copy of the schema in which every object refuses undeclared properties. */
function close (T: Builder, schema: TSchema): TSchema {
  const { properties, additionalProperties = false, patternProperties, items } = schema
  const inside = (child: TSchema): TSchema => close(T, child)
  if (patternProperties !== undefined) return T.Record(T.String(), inside(Object.values<TSchema>(patternProperties)[0] ?? T.Unknown()))
  if (Array.isArray(items)) return T.Tuple(items.map(inside))
  if (items !== undefined) return T.Array(inside(items as TSchema))
  if (properties === undefined) return schema
  return T.Object(Object.fromEntries(Object.entries<TSchema>(properties).map(([key, child]) => {
    const isOptional = !(schema.required as string[] | undefined)?.includes(key)
    return [key, isOptional ? T.Optional(inside(child)) : inside(child)]
  })), { additionalProperties: additionalProperties === false ? false : inside(additionalProperties as TSchema) })
}

function deepFreeze<V> (value: V): V {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const { value: part } of Object.values(Object.getOwnPropertyDescriptors(value))) deepFreeze(part as unknown)
  return Object.freeze(value)
}
