import assert from 'node:assert/strict'
import { Type } from '@sinclair/typebox'
import fc from 'fast-check'
import t from 'tap'
import { defineEvents } from '../../plugin.ts'
import { start } from './server.ts'
import { TwoOpinions } from './two-opinions.ts'
import { tries } from '../support/tries.ts'
import { Next } from '../support/typebox.ts'

function thrower (): never {
  throw new Error('not today')
}

function nested (depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = wrap(value)
  return value
}

function revoked (target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

function cycle (): object {
  const a: { b?: object } = {}
  a.b = { list: [1, { a }] }
  return a
}

function endless (): object {
  return { toJSON: () => ({ again: endless() }) }
}

/** Not a generator: it would read `then` of the payload, and fail itself. */
function one (payload: unknown): AsyncIterable<unknown> {
  const items = [payload]
  return { [Symbol.asyncIterator]: () => ({ next: async () => items.length > 0 ? { done: false, value: items.pop() } : { done: true, value: undefined } }) }
}

const traps: Array<keyof ProxyHandler<object>> = ['get', 'ownKeys', 'getOwnPropertyDescriptor']

/** Payloads that have no JSON. */
const refused: Array<[title: string, create: () => unknown]> = [
  ['undefined', () => undefined],
  ['a function', () => thrower],
  ['a class', () => class {}],
  ['a symbol', () => Symbol('s')],
  ['a BigInt', () => 10n],
  ['a nested BigInt', () => ({ a: [{ b: 1n }] })],
  ['a cycle', cycle],
  ['an array that contains itself', () => { const list: unknown[] = []; list.push(list); return list }],
  ['a toJSON that throws', () => ({ toJSON: thrower })],
  ['a nested toJSON that throws', () => [{ a: { toJSON: thrower } }]],
  ['a toJSON that throws undefined', () => ({ toJSON () { throw undefined } })], // eslint-disable-line no-throw-literal
  ['a toJSON that returns a function', () => ({ toJSON: () => thrower })],
  ['an endless toJSON', endless],
  ['a getter that throws', () => ({ get a () { return thrower() } })],
  ['a nested getter that throws', () => ({ a: [{ get b () { return thrower() } }] })],
  ['a toJSON getter that throws', () => ({ get toJSON () { return thrower() } })],
  ...traps.map((trap): [string, () => unknown] => [`a proxy whose ${trap} throws`, () => new Proxy({ a: 1 }, { [trap]: thrower })]),
  ['a proxy of an array whose get throws', () => new Proxy([1, 2], { get: thrower })],
  ['a revoked proxy', () => revoked({})],
  ['a revoked proxy of an array', () => revoked([])],
  ['a nested revoked proxy', () => ({ a: [revoked({})] })],
  ['10,000 levels of objects', () => nested(10_000, (a) => ({ a }))],
  ['10,000 levels of arrays', () => nested(10_000, (inner) => [inner])],
  ['10,000 levels with a toJSON in each', () => nested(10_000, (a) => ({ toJSON: () => ({ a }) }))]
]

const events = defineEvents({
  message: Type.String(),
  any: Type.Unknown(),
  object: Type.Object({ a: Type.Optional(Type.Unknown()) }, { additionalProperties: true }),
  tree: Type.Recursive((This) => Type.Object({ a: Type.Optional(Type.Union([This, Type.Array(This), Type.Number()])) }, { additionalProperties: true })),
  next: Next.Object({ a: Next.Optional(Next.Unknown()) }, { additionalProperties: true })
})

t.test('a payload without JSON', async (t) => {
  for (const [where, options, types] of [['undeclared', {}, ['any']], ['declared', { events }, Object.keys(events).slice(1)]] as const) {
    const server = await start(t, options)
    const { app, opened, logged, port } = server
    const reader = await TwoOpinions.open(t, port)
    for (const [title, create] of refused) {
      t.test(`(${title}, ${where}) is rejected with a code, and the next event arrives whole`, async (t) => {
        const { lastEventId } = app.sse
        const codes = /^FST_SSE_PAYLOAD_(NOT_ENCODABLE|INVALID)$/
        for (const type of types) {
          const payload = create()
          await t.rejects(app.sse.broadcast(type, payload), { code: codes }, `broadcast as ${type}`)
          await t.rejects(opened[0]!.send(type, payload), { code: codes }, `send as ${type}`)
          await t.rejects(opened[0]!.stream(type, () => one(payload), { end: false }), { code: codes }, `stream as ${type}`)
        }
        t.equal(app.sse.lastEventId, lastEventId)
        await app.sse.broadcast('message', title)
        // A failed `stream` sends `sse.error` without a reason.
        for (let told = 0; told < types.length; told++) t.match(await reader.next(), { type: 'sse.error', data: '{}' })
        t.match(await reader.next(), { type: 'message', data: title })
        t.equal(logged.splice(0).length, 3 * types.length, 'each is logged once')
      })
    }
    t.test(`(${where}) leaves the server intact for other readers`, async (t) => {
      reader.leave()
      await server.servesOthers(t)
    })
  }
})

class Account {
  #secret = 'hunter2'
  id = 1
  get shown (): string { return `${this.#secret.length}` }
}

/** Unusual payloads that have JSON. */
const odd: Array<[title: string, create: () => unknown, json: string]> = [
  ['a date', () => new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ['an invalid date', () => new Date(NaN), 'null'],
  ['a map', () => new Map([[1, 2]]), '{}'],
  ['a set', () => new Set([1]), '{}'],
  ['an error', () => new Error('hunter2'), '{}'],
  ['a regular expression', () => /a/g, '{}'],
  ['a promise', () => Promise.resolve(1), '{}'],
  ['boxed values', () => [Object('x'), Object(1), Object(true)], '["x",1,true]'],
  ['numbers without JSON', () => [NaN, Infinity, -Infinity, -0, 1e21], '[null,null,null,0,1e+21]'],
  ['values that JSON leaves out', () => ({ a: undefined, b: thrower, c: Symbol('s'), [Symbol('k')]: 1, d: 1 }), '{"d":1}'],
  ['holes', () => [, 1, , thrower], '[null,1,null,null]'], // eslint-disable-line no-sparse-arrays
  ['bytes', () => new Uint8Array([1, 2]), '{"0":1,"1":2}'],
  ['an object without a prototype', () => Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
  ['an object of a class', () => new Account(), '{"id":1}'],
  ['frozen objects', () => Object.freeze({ a: Object.freeze([1]) }), '{"a":[1]}'],
  ['a transparent proxy', () => new Proxy({ a: new Proxy([1], {}) }, {}), '{"a":[1]}'],
  ['a toJSON that returns line ends', () => ({ toJSON: () => 'a\n\ndata: evil\r\n' }), '"a\\n\\ndata: evil\\r\\n"'],
  ['lone surrogates', () => ({ '\uD800': '\uDC00' }), '{"\\ud800":"\\udc00"}'],
  ['keys named like object properties', () => ({ constructor: 1, hasOwnProperty: 2, toString: 3 }), '{"constructor":1,"hasOwnProperty":2,"toString":3}'],
  ['an own __proto__', () => JSON.parse('{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":2}}}'), '{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":2}}}'],
  ['an own constructor with a prototype', () => JSON.parse('{"constructor":{"prototype":{"polluted":1}}}'), '{"constructor":{"prototype":{"polluted":1}}}'],
  ['1,000 levels', () => nested(1000, (inner) => [inner]), `${'['.repeat(1000)}1${']'.repeat(1000)}`],
  ['one object a thousand times', () => Array(1000).fill(Object.freeze({ a: 1 })), JSON.stringify(Array(1000).fill({ a: 1 }))]
]

t.test('a payload arrives as its JSON:', async (t) => {
  const records = defineEvents({ record: Type.Record(Type.String(), Type.Unknown()), nextRecord: Next.Record(Next.String(), Next.Unknown()) })
  const server = await start(t, { events: [events, records] })
  const { app, opened, port } = server
  const reader = await TwoOpinions.open(t, port)
  for (const [title, create, json] of odd) {
    t.test(title, async (t) => {
      await app.sse.broadcast('any', create())
      await opened[0]!.send('any', create())
      t.match([await reader.next(), await reader.next()], [{ type: 'any', data: json }, { type: 'any', data: json }])
    })
  }

  t.test('a key `__proto__` arrives like any other key and pollutes no prototype', async (t) => {
    const payload = JSON.parse('{"__proto__":{"polluted":1},"a":1,"constructor":{"prototype":{"polluted":2}}}')
    for (const type of ['record', 'nextRecord', 'object', 'next', 'any']) {
      await app.sse.broadcast(type, payload)
      t.equal((await reader.next()).data, JSON.stringify(payload), type)
    }
    t.notOk('polluted' in {})
    t.notOk('polluted' in Array.prototype)
    t.strictSame(Object.getPrototypeOf(payload), Object.prototype, 'the payload is unchanged')
    reader.leave()
    await server.servesOthers(t)
  })
})

t.test('a payload that changes with every read', async (t) => {
  const types = defineEvents({
    old: Type.Object({ a: Type.Number(), b: Type.Optional(Type.Array(Type.Number())) }),
    new: Next.Object({ a: Next.Number(), b: Next.Optional(Next.Array(Next.Number())) })
  })
  const { app, port } = await start(t, { events: [types, events] })
  const reader = await TwoOpinions.open(t, port)
  const look = fc.constantFrom<unknown>(1, 2, 'hunter2', undefined, null, { a: 1 }, [1], ['hunter2'], new Date(0))
  const looks = fc.array(look, { minLength: 1, maxLength: 12 })
  const kind = fc.constantFrom('getters', 'proxy', 'list')

  t.test('arrives as its schema says, or is rejected with a code and not delivered', async (t) => {
    await fc.assert(fc.asyncProperty(fc.constantFrom('old', 'new'), kind, looks, looks, async (type, kind, ofA, ofB) => {
      let n = 0
      const give = (values: readonly unknown[]): unknown => values[n++ % values.length]
      const list = new Proxy([1, 2], { get: (target, key) => key === '0' || key === 'length' ? give(ofB) : Reflect.get(target, key) })
      const payload = kind === 'getters'
        ? { get a () { return give(ofA) }, get b () { return give(ofB) } }
        : kind === 'proxy'
          ? new Proxy({ a: 1, b: [1] }, { get: (_target, key) => give(key === 'a' ? ofA : ofB) })
          : { a: 1, b: list }
      const broadcast = app.sse.broadcast(type, payload)
      const code = await broadcast.then(() => undefined, (error) => error.code)
      if (code !== undefined) {
        assert.match(code, /^FST_SSE_PAYLOAD_(INVALID|NOT_ENCODABLE)$/)
        await app.sse.broadcast('message', 'next')
      }
      const { type: read, data } = await reader.next()
      if (code !== undefined) return assert.deepEqual([read, data], ['message', 'next'])
      const { a, b, ...rest } = JSON.parse(data)
      assert.ok(typeof a === 'number' && Object.keys(rest).length === 0 && (b === undefined || (Array.isArray(b) && b.every((item: unknown) => typeof item === 'number'))), data)
    }), tries(200))
  })

  t.test('cannot bypass its schema with a toJSON', async (t) => {
    class Row {
      a = 1
      secret = 'hunter2'
      toJSON (): object { return { a: 'hunter2', secret: this.secret } }
    }
    for (const payload of [new Row(), { a: 1, toJSON: () => 'hunter2' }, { a: 1, b: Object.assign([1], { toJSON: () => 'hunter2' }) }]) {
      for (const type of ['old', 'new']) {
        await app.sse.broadcast(type, payload)
        t.notMatch((await reader.next()).data, 'hunter2')
      }
    }
  })
})
