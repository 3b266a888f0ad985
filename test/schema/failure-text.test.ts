import { Type, type TSchema } from '@sinclair/typebox'
import t from 'tap'
import { PayloadInvalid } from '../../lib/errors.ts'
import { EventTypes } from '../../lib/schema/event-types.ts'
import type { AnySchema } from '../../lib/schema/payload.ts'
import { Next } from '../support/typebox.ts'

type Builder = typeof Type

const LINES: ReadonlyArray<[line: string, T: Builder]> = [['@sinclair/typebox', Type], ['typebox', Next as unknown as Builder]]

async function failureOf (schema: AnySchema, payload: unknown): Promise<PayloadInvalid> {
  const types = await EventTypes.compile([{ event: schema }])
  try {
    types.validate('event', payload)
  } catch (error) {
    if (error instanceof PayloadInvalid) return error
  }
  throw new Error('the payload was taken')
}

function told ({ message }: Error): string[] {
  return message.replace('The payload of "event" does not match its schema: ', '').split('; ')
}

for (const [line, T] of LINES) {
  t.test(`the message of a payload that does not fit a schema of ${line}`, async (t) => {
    t.test('shows * for keys that are data of the payload, and failures contain the full path', async (t) => {
      const schema = T.Object({ users: T.Record(T.String(), T.Object({ tags: T.Array(T.String()) })) })
      const error = await failureOf(schema, { users: { 'ada@example.com': { tags: ['a', 1] }, 4917012345: { tags: 'x' } } })
      t.match(told(error).sort(), [/^\/users\/\*\/tags \w/, /^\/users\/\*\/tags\/1 \w/])
      t.same(error.failures.map(({ path }) => path).sort(), ['/users/4917012345/tags', '/users/ada@example.com/tags/1'])
    })

    t.test('shows * for a property that a closed object does not declare', async (t) => {
      const error = await failureOf(T.Object({ a: T.Number() }, { additionalProperties: false }), { a: 1, 'ada@example.com': 1 })
      t.notMatch(error.message, 'ada')
    })

    t.test('shows declared names as a JSON Pointer writes them', async (t) => {
      const error = await failureOf(T.Object({ 'a/b~c': T.Array(T.Object({ ['__proto__']: T.Number() })) }), { 'a/b~c': [{ ['__proto__']: 'x' }] })
      t.match(told(error), [/^\/a~1b~0c\/0\/__proto__ /])
    })

    t.test('is bounded for long keys, long paths and many failures', async (t) => {
      const long = 'k'.repeat(10_000)
      const named = await failureOf(T.Object({ [long]: T.Number() }), { [long]: 'x' })
      t.ok(named.message.length < 400, `${named.message.length} characters`)
      t.match(named.message, '…')

      const Deep = [...Array(300)].reduce((inner: TSchema) => T.Object({ next: inner }), T.Number())
      const deep = await failureOf(Deep, [...Array(300)].reduce((inner: unknown) => ({ next: inner }), 'x'))
      t.ok(deep.message.length < 400, `${deep.message.length} characters`)
      t.equal(deep.failures[0]?.path, '/next'.repeat(300))

      const many = await failureOf(T.Array(T.Object({ ['n'.repeat(90)]: T.Number() })), Array(50).fill({ ['n'.repeat(90)]: 'x' }))
      t.ok(many.message.length < 1200, `${many.message.length} characters`)
      if (many.failures.length > 8) t.match(many.message, /; and \d+ more$/)

      const pattern = await failureOf(T.String({ pattern: 'x'.repeat(10_000) }), 'y')
      t.ok(pattern.message.length < 400, `${pattern.message.length} characters`)
      t.match(pattern.message, line === 'typebox' ? '/ must match pattern "x' : "/ Expected string to match 'x")
    })

    t.test('contains no key and no value of the failures, and neither does the serialised error', async (t) => {
      const error = await failureOf(T.Record(T.String(), T.Number()), { 'ada@example.com': 'hunter2' })
      t.notMatch(JSON.stringify({ ...error, message: error.message, stack: error.stack }), /ada|hunter2/)
      t.match(error.failures, [{ path: '/ada@example.com', value: 'hunter2' }])
    })

    t.test('contains nothing of a payload, whichever read of its getter throws', async (t) => {
      // The last reads are those of the text itself.
      for (let allowed = 0; allowed <= 11; allowed++) {
        let looks = 0
        const payload = { get a () { if (looks++ >= allowed) throw new Error('no more'); return { 'ada@example.com': 1 } } }
        const error = await failureOf(T.Object({ a: T.Record(T.String(), T.String()) }), payload)
        t.notMatch(error.message, 'ada')
      }
    })
  })
}

t.test('a rule that would name a key or a value is described in words of the schema', async (t) => {
  const names = await failureOf(Next.Unsafe({ type: 'object', propertyNames: { maxLength: 3 } }), { 'ada@example.com': 1 })
  t.notMatch(names.message, 'ada')
  t.match(JSON.stringify(names.failures), 'ada')

  const refined = await failureOf(Next.Refine(Next.String(), () => false, (value) => `${value} is taken`), 'hunter2')
  t.notMatch(refined.message, 'hunter2')
  t.match(refined.message, 'must pass its refinement')
  t.match(refined.failures, [{ rule: 'hunter2 is taken' }])
})

t.test('no message of any rule contains a key or a value of the payload', async (t) => {
  const T = Next
  const key = 'hunter2key'
  const value = 'hunter2value'
  const refusing: Array<[schema: AnySchema, payload: unknown]> = [
    [T.Object({}, { additionalProperties: false }), { [key]: value }],
    [T.Unsafe({ type: 'object', unevaluatedProperties: false }), { [key]: value }],
    [T.Unsafe({ type: 'object', properties: { a: {} }, required: ['a'] }), { [key]: value }],
    [T.Unsafe({ dependentRequired: { a: ['b'] } }), { a: value, [key]: value }],
    [T.Unsafe({ dependencies: { a: ['b'] } }), { a: value, [key]: value }],
    [T.Unsafe({ patternProperties: { '.': { type: 'number' } } }), { [key]: value }],
    [T.Unsafe({ maxProperties: 0 }), { [key]: value }],
    [T.Unsafe({ minProperties: 2 }), { [key]: value }],
    [T.Unsafe({ const: { a: 1 } }), { [key]: value }],
    [T.Unsafe({ enum: ['a'] }), value],
    [T.Unsafe({ anyOf: [{ type: 'number' }] }), value],
    [T.Unsafe({ oneOf: [{}, {}] }), value],
    [T.Unsafe({ not: {} }), value],
    [T.Unsafe({ if: {}, then: false }), value],
    [T.Unsafe({ type: 'array', uniqueItems: true }), [value, value]],
    [T.Unsafe({ type: 'array', contains: { type: 'number' } }), [value]],
    [T.Unsafe({ type: 'array', unevaluatedItems: false }), [value]],
    [T.String({ format: 'email' }), value],
    [T.String({ pattern: '^a' }), value],
    [T.String({ maxLength: 1 }), value],
    [Type.Object({}, { additionalProperties: false }), { [key]: value }],
    [Type.Record(Type.String({ pattern: '^a' }), Type.String(), { additionalProperties: false }), { [key]: value }],
    [Type.Intersect([Type.Object({}), Type.Object({})], { unevaluatedProperties: false }), { [key]: value }],
    [Type.Record(Type.String(), Type.Number()), { [key]: value }],
    [Type.Union([Type.Literal('a'), Type.Number()]), value],
    [Type.Not(Type.String()), value],
    [Type.Array(Type.String(), { contains: Type.Literal('a') }), [value]],
    [Type.String({ format: 'email' }), value],
    [Type.TemplateLiteral('a'), value],
    [Type.Date(), value]
  ]
  for (const [schema, payload] of refusing) {
    const error = await failureOf(schema, payload)
    t.notMatch(error.message, 'hunter2', error.message)
  }
})

t.test('a message contains at most 100 characters of an event type', async (t) => {
  const types = await EventTypes.compile([])
  const name = 'x'.repeat(10_000)
  t.throws(() => types.validate(name, 1), { code: 'FST_SSE_EVENT_UNKNOWN', message: `The event "${'x'.repeat(100)}…" is not declared` })
  t.throws(() => types.validate('x'.repeat(100), 1), { message: `The event "${'x'.repeat(100)}" is not declared` })
})
