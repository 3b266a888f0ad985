import { Kind, Type, TypeRegistry, type TSchema } from '@sinclair/typebox'
import { TypeSystemPolicy } from '@sinclair/typebox/system'
import t from 'tap'
import { EventTypes } from '../../lib/schema/event-types.ts'
import type { AnySchema } from '../../lib/schema/payload.ts'
import { Next } from '../support/typebox.ts'

const SECRET = 'hunter2'
const INVALID = 'FST_SSE_PAYLOAD_INVALID'

/** The JSON of a payload under a schema, or the error code if the payload is refused. */
async function goesOut (schema: AnySchema, payload: unknown): Promise<unknown> {
  const types = await EventTypes.compile([{ event: schema }])
  try {
    return JSON.parse(JSON.stringify(types.validate('event', payload).payload))
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** The claim, the schema, the payload of the broadcast, and the payload that is sent. */
type Case = [claim: string, schema: AnySchema, given: unknown, goesOut: unknown]

const row = { id: 1, secret: SECRET }
const id = { type: 'number' }
const unsafe = (schema: object): AnySchema => Next.Unsafe(schema)

const CASES: Case[] = [
  // Keywords that declare parts.
  ['a property that "dependentSchemas" declares is sent if its condition is present', unsafe({ dependentSchemas: { id: { properties: { id } } } }), row, { id: 1 }],
  ['a property that "dependentSchemas" declares is removed if its condition is absent', unsafe({ properties: { id }, dependentSchemas: { a: { properties: { secret: {} } } } }), row, { id: 1 }],
  ['a schema in "dependencies" declares its properties', unsafe({ dependencies: { id: { properties: { id } }, a: ['b'] } }), row, { id: 1 }],
  ['"unevaluatedProperties" does not apply to a property that "dependentSchemas" declares', unsafe({ dependentSchemas: { id: { properties: { who: { properties: { name: {} } } } } }, unevaluatedProperties: {} }), { id: 1, who: { name: 'Ada', secret: SECRET } }, { id: 1, who: { name: 'Ada' } }],
  ['"unevaluatedProperties" of a schema without members applies to other properties', unsafe({ properties: { id }, unevaluatedProperties: { properties: { id } } }), { id: 1, who: row }, { id: 1, who: { id: 1 } }],
  ['"unevaluatedProperties" does not apply to a property that "unevaluatedProperties" of a member declares', Type.Intersect([Type.Intersect([Type.Object({ a: Type.Number() }), Type.Object({})], { unevaluatedProperties: Type.Object({ name: Type.String() }) }), Type.Object({})], { unevaluatedProperties: Type.Unknown() }), { a: 1, who: { name: 'Ada', secret: SECRET } }, { a: 1, who: { name: 'Ada' } }],
  ['"oneOf" declares the properties of its member', unsafe({ oneOf: [{ properties: { id }, required: ['id'] }, { required: ['a'] }] }), row, { id: 1 }],
  ['"else" declares its properties', unsafe({ if: { required: ['a'] }, then: {}, else: { properties: { id } } }), row, { id: 1 }],

  // Keywords that are conditions and declare no part.
  ['"if" without properties keeps nothing undeclared', unsafe({ if: { type: 'object' }, then: { properties: { id } } }), row, { id: 1 }],
  ['"if" that is true keeps nothing undeclared', unsafe({ if: true, then: { properties: { id } } }), row, { id: 1 }],
  ['an absent "else" keeps nothing undeclared', unsafe({ if: { required: ['a'] }, then: { properties: { id } } }), row, {}],
  ['an absent "then" keeps nothing undeclared', unsafe({ if: { required: ['id'] }, else: { properties: { id } } }), row, {}],
  ['"if" keeps nothing undeclared in a property that it names', unsafe({ properties: { who: { properties: { id } } }, if: { properties: { who: {} } } }), { who: row }, { who: { id: 1 } }],
  ['"if" keeps nothing undeclared in a property by a reference', unsafe({ $id: 'Root', properties: { who: { properties: { id } } }, if: { properties: { who: { $ref: 'Any' } } }, $defs: { Any: { $id: 'Any' } } }), { who: row }, { who: { id: 1 } }],
  ['"dependentRequired" keeps nothing undeclared', unsafe({ dependentRequired: { a: ['b'] } }), row, {}],
  ['"required" keeps nothing undeclared, so that an undeclared required property is refused', unsafe({ required: ['id'] }), row, INVALID],
  ['"propertyNames" keeps nothing undeclared', unsafe({ propertyNames: { minLength: 1 } }), row, {}],
  ['"maxProperties" keeps nothing undeclared', unsafe({ type: 'object', maxProperties: 5 }), row, {}],
  ['"contains" keeps nothing undeclared', unsafe({ type: 'array', contains: { required: ['id'] }, minContains: 0 }), [row], []],
  ['"uniqueItems" keeps nothing undeclared', unsafe({ uniqueItems: true }), [row], []],
  ['"not" beside a declared property keeps nothing undeclared', unsafe({ properties: { id }, not: { required: ['b'] } }), row, { id: 1 }],
  ['a refinement keeps nothing undeclared', Next.Refine(Next.Object({ id: Next.Number() }), () => true), row, { id: 1 }],

  // Lists under keywords for objects, and objects under keywords for lists.
  ['a list under "properties" becomes empty', unsafe({ properties: { id } }), [row], []],
  ['a list under "patternProperties" becomes empty', unsafe({ patternProperties: { '^i': id } }), [row], []],
  ['an object under "items" becomes empty', unsafe({ items: { properties: { id } } }), row, {}],
  ['an object under "prefixItems" becomes empty', unsafe({ prefixItems: [{}] }), row, {}],
  ['an object under "unevaluatedItems" becomes empty', unsafe({ unevaluatedItems: {} }), row, {}],
  ['a list in a property whose schema has "properties" becomes empty', unsafe({ properties: { a: { properties: { id } } } }), { a: [row] }, { a: [] }],

  // Types that have no JSON form.
  ['a constructor type refuses an object', Type.Constructor([], Type.Object({ id: Type.Number() })), { prototype: { id: 1 }, ...row }, INVALID],
  ['a promise type refuses a promise', Type.Promise(Type.Any()), Object.assign(Promise.resolve(1), row), INVALID],
  ['an iterator type keeps the declared properties of items', Type.Iterator(Type.Object({ id: Type.Number() })), [row], [{ id: 1 }]],

  // Schemas that declare everything.
  ['a schema without keywords keeps everything', unsafe({}), row, row],
  ['a schema with only a type keeps everything', unsafe({ type: 'object', description: 'anything' }), row, row],
  ['"const" keeps its value', unsafe({ const: row }), row, row],
  ['a refinement of Unknown keeps everything', Next.Refine(Next.Unknown(), () => true), row, row],
  ['a "then" without keywords keeps everything', unsafe({ if: { required: ['id'] }, then: {} }), row, row]
]

t.test('undeclared parts of a payload are removed', async (t) => {
  for (const [claim, schema, given, expected] of CASES) t.same(await goesOut(schema, given), expected, claim)
})

t.test('a dynamic or recursive reference is refused at registration', async (t) => {
  for (const keyword of ['$dynamicRef', '$recursiveRef']) {
    for (const schema of [{ [keyword]: '#' }, { properties: { a: { [keyword]: '#' } } }, { if: { items: { [keyword]: '#' } } }, { not: { [keyword]: '#' } }]) {
      await t.rejects(EventTypes.compile([{ odd: unsafe(schema) }]), { code: 'FST_SSE_EVENT_INVALID', message: `The event "odd" cannot be declared: it has "${keyword}"` })
    }
    await t.rejects(EventTypes.compile([{ odd: Type.Object({}, { [keyword]: '#' }) }]), { code: 'FST_SSE_EVENT_INVALID', message: keyword })
  }
})

t.test('a reference by an anchor or a pointer is refused at registration', async (t) => {
  for (const $ref of ['#here', '#/$defs/a', '#']) {
    const schema = unsafe({ $ref, $defs: { a: { $anchor: 'here', properties: { id } } } })
    await t.rejects(EventTypes.compile([{ odd: schema }]), { code: 'FST_SSE_EVENT_INVALID', message: `"${$ref}", which does not exist` })
  }
})

t.test('a list that AllowArrayObject accepts as an object becomes empty', async (t) => {
  TypeSystemPolicy.AllowArrayObject = true
  t.teardown(() => { TypeSystemPolicy.AllowArrayObject = false })
  for (const schema of [Type.Object({ length: Type.Number() }), Type.Record(Type.String(), Type.Object({ id: Type.Number() }))]) {
    t.same(await goesOut(schema, [row]), [])
  }
  t.same(await goesOut(Type.Object({ a: Type.Object({}) }), { a: [row] }), { a: [] })
})

t.test('a kind with a check of the application keeps only the parts that its schema declares', async (t) => {
  for (const kind of ['Row', 'RowOf', 'Unsafe']) TypeRegistry.Set(kind, (schema, value) => typeof value === 'object')
  t.teardown(() => { for (const kind of ['Row', 'RowOf', 'Unsafe']) TypeRegistry.Delete(kind) })
  t.same(await goesOut({ [Kind]: 'Row' } as TSchema, row), {}, 'a kind without a schema keeps nothing')
  t.same(await goesOut({ [Kind]: 'RowOf', properties: { id: Type.Number() } } as unknown as TSchema, row), { id: 1 }, 'a kind with properties keeps these')
  t.same(await goesOut({ [Kind]: 'RowOf', oneOf: [Type.Object({ id: Type.Number() })] } as unknown as TSchema, row), { id: 1 }, 'a kind with members keeps their properties')
  t.same(await goesOut(Type.Unsafe({}), row), row, 'Type.Unsafe without keywords keeps everything')
})

t.test('a getter that returns a different value to each member of a union reveals no undeclared property', async (t) => {
  let looks = 0
  const payload = { get kind () { return ['a', 'b'][looks++ % 2] }, secret: SECRET }
  const schema = Type.Union([Type.Object({ kind: Type.Literal('a') }), Type.Object({ kind: Type.Literal('b') })])
  const types = await EventTypes.compile([{ event: schema }])
  for (let round = 0; round < 4; round++) {
    looks = round
    try {
      t.notMatch(JSON.stringify(types.validate('event', payload).payload), SECRET)
    } catch (error) {
      t.match(error, { code: INVALID })
    }
  }
})
