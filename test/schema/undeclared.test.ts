import { Kind, Type, TypeRegistry, type TSchema } from '@sinclair/typebox'
import { TypeSystemPolicy } from '@sinclair/typebox/system'
import t from 'tap'
import * as Next from 'typebox'
import { EventTypes } from '../../lib/schema/event-types.ts'
import type { AnySchema } from '../../lib/schema/payload.ts'

const SECRET = 'hunter2'
const INVALID = 'FST_SSE_PAYLOAD_INVALID'

/** What goes out of a payload under a schema, as JSON brings it; a code where it is refused. */
async function goesOut (schema: AnySchema, payload: unknown): Promise<unknown> {
  const types = await EventTypes.compile([{ event: schema }])
  try {
    return JSON.parse(JSON.stringify(types.validate('event', payload).payload))
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** What it is about, the schema, what is broadcast, what goes out. */
type Case = [claim: string, schema: AnySchema, given: unknown, goesOut: unknown]

const row = { id: 1, secret: SECRET }
const id = { type: 'number' }
const unsafe = (schema: object): AnySchema => Next.Unsafe(schema)

const CASES: Case[] = [
  // Keywords that are followed.
  ['what "dependentSchemas" declares goes out where its property is', unsafe({ dependentSchemas: { id: { properties: { id } } } }), row, { id: 1 }],
  ['what "dependentSchemas" declares stays where its property is not', unsafe({ properties: { id }, dependentSchemas: { a: { properties: { secret: {} } } } }), row, { id: 1 }],
  ['a schema in "dependencies" declares', unsafe({ dependencies: { id: { properties: { id } }, a: ['b'] } }), row, { id: 1 }],
  ['"unevaluatedProperties" leaves out what "dependentSchemas" declares', unsafe({ dependentSchemas: { id: { properties: { who: { properties: { name: {} } } } } }, unevaluatedProperties: {} }), { id: 1, who: { name: 'Ada', secret: SECRET } }, { id: 1, who: { name: 'Ada' } }],
  ['"unevaluatedProperties" of a schema without members stands for the rest', unsafe({ properties: { id }, unevaluatedProperties: { properties: { id } } }), { id: 1, who: row }, { id: 1, who: { id: 1 } }],
  ['"unevaluatedProperties" leaves out what those of a member declare', Type.Intersect([Type.Intersect([Type.Object({ a: Type.Number() }), Type.Object({})], { unevaluatedProperties: Type.Object({ name: Type.String() }) }), Type.Object({})], { unevaluatedProperties: Type.Unknown() }), { a: 1, who: { name: 'Ada', secret: SECRET } }, { a: 1, who: { name: 'Ada' } }],
  ['"oneOf" declares what its member declares', unsafe({ oneOf: [{ properties: { id }, required: ['id'] }, { required: ['a'] }] }), row, { id: 1 }],
  ['"else" declares', unsafe({ if: { required: ['a'] }, then: {}, else: { properties: { id } } }), row, { id: 1 }],

  // Keywords that ask and do not declare.
  ['"if" without properties opens nothing', unsafe({ if: { type: 'object' }, then: { properties: { id } } }), row, { id: 1 }],
  ['"if" that is true opens nothing', unsafe({ if: true, then: { properties: { id } } }), row, { id: 1 }],
  ['an absent "else" opens nothing', unsafe({ if: { required: ['a'] }, then: { properties: { id } } }), row, {}],
  ['an absent "then" opens nothing', unsafe({ if: { required: ['id'] }, else: { properties: { id } } }), row, {}],
  ['"if" does not open a property that it asks for', unsafe({ properties: { who: { properties: { id } } }, if: { properties: { who: {} } } }), { who: row }, { who: { id: 1 } }],
  ['"if" does not open a property by a reference', unsafe({ $id: 'Root', properties: { who: { properties: { id } } }, if: { properties: { who: { $ref: 'Any' } } }, $defs: { Any: { $id: 'Any' } } }), { who: row }, { who: { id: 1 } }],
  ['"dependentRequired" opens nothing', unsafe({ dependentRequired: { a: ['b'] } }), row, {}],
  ['"required" opens nothing, so that what it demands and nothing declares is refused', unsafe({ required: ['id'] }), row, INVALID],
  ['"propertyNames" opens nothing', unsafe({ propertyNames: { minLength: 1 } }), row, {}],
  ['"maxProperties" opens nothing', unsafe({ type: 'object', maxProperties: 5 }), row, {}],
  ['"contains" opens nothing', unsafe({ type: 'array', contains: { required: ['id'] }, minContains: 0 }), [row], []],
  ['"uniqueItems" opens nothing', unsafe({ uniqueItems: true }), [row], []],
  ['"not" beside a declared property opens nothing', unsafe({ properties: { id }, not: { required: ['b'] } }), row, { id: 1 }],
  ['a refinement opens nothing', Next.Refine(Next.Object({ id: Next.Number() }), () => true), row, { id: 1 }],

  // A schema speaks of one kind of value, and is given the other.
  ['a list under "properties" goes out empty', unsafe({ properties: { id } }), [row], []],
  ['a list under "patternProperties" goes out empty', unsafe({ patternProperties: { '^i': id } }), [row], []],
  ['an object under "items" goes out empty', unsafe({ items: { properties: { id } } }), row, {}],
  ['an object under "prefixItems" goes out empty', unsafe({ prefixItems: [{}] }), row, {}],
  ['an object under "unevaluatedItems" goes out empty', unsafe({ unevaluatedItems: {} }), row, {}],
  ['a list in a property that speaks of properties goes out empty', unsafe({ properties: { a: { properties: { id } } } }), { a: [row] }, { a: [] }],

  // Types that have no JSON form.
  ['a type with a prototype opens nothing', Type.Constructor([], Type.Object({ id: Type.Number() })), { prototype: { id: 1 }, ...row }, INVALID],
  ['a promise opens nothing', Type.Promise(Type.Any()), Object.assign(Promise.resolve(1), row), INVALID],
  ['an iterator lets out its declared items', Type.Iterator(Type.Object({ id: Type.Number() })), [row], [{ id: 1 }]],

  // What declares everything still does.
  ['a schema without keywords lets out everything', unsafe({}), row, row],
  ['a schema of a type alone lets out everything', unsafe({ type: 'object', description: 'anything' }), row, row],
  ['"const" lets out what it spells out', unsafe({ const: row }), row, row],
  ['a refinement of everything lets out everything', Next.Refine(Next.Unknown(), () => true), row, row],
  ['a "then" without keywords lets out everything', unsafe({ if: { required: ['id'] }, then: {} }), row, row]
]

t.test('undeclared parts stay', async (t) => {
  for (const [claim, schema, given, expected] of CASES) t.same(await goesOut(schema, given), expected, claim)
})

t.test('a reference whose target depends on the way to it is refused when it is declared', async (t) => {
  for (const keyword of ['$dynamicRef', '$recursiveRef']) {
    for (const schema of [{ [keyword]: '#' }, { properties: { a: { [keyword]: '#' } } }, { if: { items: { [keyword]: '#' } } }, { not: { [keyword]: '#' } }]) {
      await t.rejects(EventTypes.compile([{ odd: unsafe(schema) }]), { code: 'FST_SSE_EVENT_INVALID', message: `The event "odd" cannot be declared: it has "${keyword}"` })
    }
    await t.rejects(EventTypes.compile([{ odd: Type.Object({}, { [keyword]: '#' }) }]), { code: 'FST_SSE_EVENT_INVALID', message: keyword })
  }
})

t.test('a reference by an anchor or a pointer is refused when it is declared', async (t) => {
  for (const $ref of ['#here', '#/$defs/a', '#']) {
    const schema = unsafe({ $ref, $defs: { a: { $anchor: 'here', properties: { id } } } })
    await t.rejects(EventTypes.compile([{ odd: schema }]), { code: 'FST_SSE_EVENT_INVALID', message: `"${$ref}", which does not exist` })
  }
})

t.test('lists that AllowArrayObject lets pass for objects go out empty', async (t) => {
  TypeSystemPolicy.AllowArrayObject = true
  t.teardown(() => { TypeSystemPolicy.AllowArrayObject = false })
  for (const schema of [Type.Object({ length: Type.Number() }), Type.Record(Type.String(), Type.Object({ id: Type.Number() }))]) {
    t.same(await goesOut(schema, [row]), [])
  }
  t.same(await goesOut(Type.Object({ a: Type.Object({}) }), { a: [row] }), { a: [] })
})

t.test('a kind that the application has a check for', async (t) => {
  for (const kind of ['Row', 'RowOf', 'Unsafe']) TypeRegistry.Set(kind, (schema, value) => typeof value === 'object')
  t.teardown(() => { for (const kind of ['Row', 'RowOf', 'Unsafe']) TypeRegistry.Delete(kind) })
  t.same(await goesOut({ [Kind]: 'Row' } as TSchema, row), {}, 'opens nothing')
  t.same(await goesOut({ [Kind]: 'RowOf', properties: { id: Type.Number() } } as unknown as TSchema, row), { id: 1 }, 'lets out what its schema declares')
  t.same(await goesOut({ [Kind]: 'RowOf', oneOf: [Type.Object({ id: Type.Number() })] } as unknown as TSchema, row), { id: 1 }, 'lets out what its members declare')
  t.same(await goesOut(Type.Unsafe({}), row), row, 'and Type.Unsafe is JSON Schema as it stands')
})

t.test('a getter that gives members of a union another value for each look lets nothing out', async (t) => {
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
