import { Type, type TSchema } from '@sinclair/typebox'
import fc from 'fast-check'
import t from 'tap'
import { EventTypes } from '../../lib/schema/event-types.ts'
import { LINES, payloads, schemas, type Check } from '../support/recursive-schemas.ts'
import { tries } from '../support/tries.ts'

/** A proxy of a payload that counts the reads of its parts. */
function counted (payload: object): { payload: object, looks: () => number } {
  let looks = 0
  const seen = new WeakMap<object, object>()
  const wrap = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    let proxy = seen.get(value)
    if (proxy === undefined) {
      proxy = new Proxy(value, {
        get (target, key, receiver) {
          looks++
          return wrap(Reflect.get(target, key, receiver))
        },
        has (target, key) {
          looks++
          return Reflect.has(target, key)
        },
        ownKeys (target) {
          looks++
          return Reflect.ownKeys(target)
        }
      })
      seen.set(value, proxy)
    }
    return proxy
  }
  return { payload: wrap(payload) as object, looks: () => looks }
}

/** The number of reads of a payload by `validate`, and by TypeBox's own check. */
async function looksAt (schema: TSchema, given: object, check: Check): Promise<{ all: number, byTypeBox: number }> {
  const types = await EventTypes.compile([{ event: schema }])
  const [sent, checked] = [counted(given), counted(given)]
  types.validate('event', sent.payload)
  check(schema, checked.payload)
  return { all: sent.looks(), byTypeBox: checked.looks() }
}

function chain (depth: number, link: (next: object | null, index: number) => object): object {
  let payload = link(null, 0)
  for (let index = 1; index < depth; index++) payload = link(payload, index)
  return payload
}

const next = (link: object | null): object => link === null ? {} : { next: link }

for (const [line, T, recursive, check] of LINES) {
  type Link = (link: object | null, index: number) => object
  const optional = (Self: TSchema): TSchema => T.Object({ next: T.Optional(Self) })
  const noted = (Self: TSchema): TSchema => T.Object({ next: T.Optional(Self), note: T.Optional(T.String()) })
  const kind = (name: string, Self: TSchema): TSchema => T.Object({ kind: T.Literal(name), next: T.Optional(Self) })
  const list = (link: object | null): object => link === null ? [] : [link]

  const DEEP: Array<[claim: string, schema: TSchema, link: Link]> = [
    ['a union whose members all accept', recursive((Self) => T.Union([optional(Self), noted(Self)])), next],
    ['a union discriminated by a literal', recursive((Self) => T.Union([kind('a', Self), kind('b', Self)])), (link, index) => ({ kind: 'ab'[index % 2], ...next(link) })],
    ['unions in unions', recursive((Self) => T.Union([T.Union([optional(Self), noted(Self)]), T.Union([noted(Self), optional(Self), T.Null()])])), next],
    ['an intersection with a union', recursive((Self) => T.Intersect([T.Object({ note: T.Optional(T.String()) }), T.Union([optional(Self), noted(Self)])])), next],
    ['records and open objects', recursive((Self) => T.Union([T.Record(T.String(), Self), T.Object({}, { additionalProperties: Self })])), next],
    ['lists and tuples', recursive((Self) => T.Union([T.Tuple([]), T.Tuple([Self]), T.Array(Self)])), list]
  ]
  // The time of TypeBox's own check doubles with each level of these schemas: the recursive part is in both members of an
  // intersection, or precedes the literal that discriminates a union.
  const DOUBLING: Array<[claim: string, schema: TSchema, link: Link]> = [
    ['an intersection', recursive((Self) => T.Intersect([optional(Self), noted(Self)])), next],
    ['an intersection of intersections', recursive((Self) => T.Intersect([optional(Self), T.Intersect([noted(Self), T.Object({})])])), next],
    [
      'a literal after the recursive part',
      recursive((Self) => T.Union(['a', 'b'].map((name) => T.Object({ next: T.Optional(Self), kind: T.Literal(name) })))),
      (link) => ({ kind: 'b', ...next(link) })
    ]
  ]

  const unevaluated = recursive((Self) => T.Union([optional(Self), T.Intersect([T.Object({}), T.Object({})], { unevaluatedProperties: Self })]))
  // typebox 1.x checks every member of a union to find evaluated properties, and does not stop at the first that accepts.
  ;(T === Type ? DEEP : DOUBLING).push(['unevaluated properties', unevaluated, next])

  t.test(`the number of reads per level of a payload under ${line} does not grow with the depth`, async (t) => {
    for (const [claim, schema, link] of DEEP) {
      const [half, whole] = [await looksAt(schema, chain(200, link), check), await looksAt(schema, chain(400, link), check)]
      t.ok(whole.all < 2.2 * half.all, `${claim}: ${half.all} reads at 200 levels, ${whole.all} at 400`)
      t.ok(whole.all < 12 * whole.byTypeBox, `${claim}: ${whole.all} reads, ${whole.byTypeBox} by TypeBox alone`)
    }
    for (const [claim, schema, link] of DOUBLING) {
      const { all, byTypeBox } = await looksAt(schema, chain(12, link), check)
      t.ok(all < 3 * byTypeBox, `${claim}: ${all} reads, ${byTypeBox} by TypeBox alone`)
    }
  })

  t.test(`the number of reads per property under ${line} does not grow with the number of properties`, async (t) => {
    const Or = T.Union([T.Object({ b: T.Number() }), T.Object({ c: T.Number() })])
    const Open = T.Intersect([T.Object({ a: T.Number() }), Or], { unevaluatedProperties: T.Number() })
    const payload = (size: number): object => ({ a: 1, b: 1, ...Object.fromEntries(Array.from({ length: size }, (_, index) => [`key${index}`, index])) })
    const [half, whole] = [await looksAt(Open, payload(500), check), await looksAt(Open, payload(1000), check)]
    t.ok(whole.all < 2.2 * half.all, `${half.all} reads at 500, ${whole.all} at 1000`)
  })

  t.test(`the number of reads under any schema of ${line} is bounded by the reads of TypeBox, and by schema size times payload size`, async (t) => {
    await t.resolves(fc.assert(fc.asyncProperty(schemas(T, recursive), payloads, async (schema, given) => {
      fc.pre(check(schema, given))
      const { all, byTypeBox } = await looksAt(schema, given, check)
      return all <= 2 * byTypeBox + JSON.stringify(schema).length * JSON.stringify(given).length / 8
    }), tries(300)))
  })

  t.test(`a payload of 4,000 levels under ${line} is projected at each level`, async (t) => {
    const Self = recursive((Self) => T.Object({ next: T.Optional(Self), a: T.Number() }))
    const types = await EventTypes.compile([{ event: Self }])
    let projected = types.validate('event', chain(4000, (link) => ({ ...next(link), a: 1, b: 2 }))).payload as { next?: object } | undefined
    let levels = 0
    for (; projected !== undefined; projected = projected.next) {
      if (Object.keys(projected).includes('a') && !Object.keys(projected).includes('b')) levels++
    }
    t.equal(levels, 4000)
  })

  t.test(`a union of ${line} that is a member of itself is checked and projected`, async (t) => {
    const Own = recursive((Self) => T.Union([T.Object({ a: T.Number(), next: T.Optional(Self) }), Self]))
    const types = await EventTypes.compile([{ event: Own }])
    const goneOut = types.validate('event', { a: 1, b: 2, next: { a: 1, b: 2 } }).payload
    t.same(JSON.parse(JSON.stringify(goneOut)), { a: 1, next: { a: 1 } })
    t.throws(() => types.validate('event', { b: 2 }), { code: 'FST_SSE_PAYLOAD_INVALID' })
  })
}
