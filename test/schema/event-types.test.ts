import { Type, type TSchema } from '@sinclair/typebox'
import t from 'tap'
import type { Failure } from '../../lib/errors.ts'
import { EventTypes } from '../../lib/schema/event-types.ts'
import { type Declarations } from '../../lib/schema/declarations.ts'
import { Next } from '../support/typebox.ts'

type Builder = typeof Type

// Both lines build equal schemas from these calls; only their compile-time types differ.
const LINES: ReadonlyArray<[line: string, T: Builder]> = [
  ['@sinclair/typebox', Type],
  ['typebox', Next as unknown as Builder]
]

type Coded = Error & { code: string, failures: Failure[] }

/** Declarations as a JavaScript application may write them. */
function compile (declarations: unknown): Promise<EventTypes> {
  return EventTypes.compile([declarations as Declarations])
}

/** The JSON of each payload under a schema, or the error code of a payload that does not fit. */
async function outgoing (schema: unknown, ...payloads: unknown[]): Promise<unknown[]> {
  const types = await compile({ event: schema })
  return payloads.map((payload) => {
    try {
      return JSON.parse(JSON.stringify(types.validate('event', payload).payload)) as unknown
    } catch (error) {
      return (error as Coded).code
    }
  })
}

async function isText (schema: unknown): Promise<boolean | undefined> {
  return (await compile({ event: schema })).isText('event')
}

function failureOf (types: EventTypes, payload: unknown, event = 'event'): Coded {
  try {
    types.validate(event, payload)
  } catch (error) {
    return error as Coded
  }
  throw new Error('the payload was taken')
}

const INVALID = 'FST_SSE_PAYLOAD_INVALID'

for (const [line, T] of LINES) {
  t.test(`events declared with ${line}`, async (t) => {
    t.test('a payload that fits is sent, and one that does not fit is refused', async (t) => {
      t.same(await outgoing(T.Object({ a: T.Number() }), { a: 1 }, { a: '1' }, {}, null, undefined), [{ a: 1 }, INVALID, INVALID, INVALID, INVALID])
    })

    t.test('every violated rule is reported with path and value, and the message contains no value', async (t) => {
      const types = await compile({ event: T.Object({ a: T.Object({ 'b/c': T.Array(T.Number()) }), d: T.String() }) })
      const error = failureOf(types, { a: { 'b/c': [1, 'hunter2'] }, d: 4711 })
      t.equal(error.code, INVALID)
      t.same(error.failures.map(({ path, value }) => [path, value]), [['/a/b~1c/1', 'hunter2'], ['/d', 4711]])
      for (const { rule } of error.failures) t.match(error.message, rule)
      t.match(error.message, '"event"')
      t.notMatch(error.message, /hunter2|4711/)
    })

    t.test('only the first failure of each path is reported, and at most twenty failures', async (t) => {
      const missing = await compile({ event: T.Object({ a: T.Number() }) })
      t.match(failureOf(missing, {}).failures, [{ rule: /required/ }])
      const types = await compile({ event: T.Array(T.String({ minLength: 1, pattern: 'x' })) })
      t.same(failureOf(types, ['', 'x', '']).failures.map(({ path }) => path), ['/0', '/2'])
      t.ok(failureOf(types, new Array(100_000).fill('')).failures.length <= 20)
    })

    t.test('a schema is compiled once, and later changes to it have no effect', async (t) => {
      const a = T.Object({ a: T.Number() })
      const schema = T.Union([a, T.Object({ b: T.Number() })])
      const types = await compile({ event: schema })
      Object.assign(a.properties, { a: T.String() })
      Object.assign(schema, { anyOf: [] })
      t.same({ ...types.validate('event', { a: 1, c: 2 }).payload as object }, { a: 1 })
    })

    t.test('a dangling reference is refused at registration', async (t) => {
      await t.rejects(compile({ event: T.Object({ a: T.Array(T.Ref('Nobody')) }) }), { code: 'FST_SSE_EVENT_INVALID', message: /"event".*"Nobody"/ })
    })

    t.test('strings, literals, enums, template literals and unions of these are text', async (t) => {
      t.equal(await isText(T.String()), true)
      t.equal(await isText(T.Literal('a')), true)
      t.equal(await isText(T.Enum({ red: 'r', green: 'g' })), true)
      t.equal(await isText(T.TemplateLiteral('order-${number}')), true) // eslint-disable-line no-template-curly-in-string
      t.equal(await isText(T.Union([T.Literal('a'), T.Union([T.String(), T.TemplateLiteral('b')])])), true)
    })

    t.test('a schema that accepts a value other than a string is JSON', async (t) => {
      t.equal(await isText(T.Number()), false)
      t.equal(await isText(T.Literal(1)), false)
      t.equal(await isText(T.Union([T.String(), T.Number()])), false)
      t.equal(await isText(T.Union([T.String(), T.Null()])), false)
      t.equal(await isText(T.Unknown()), false)
      t.equal(await isText(T.Object({ a: T.String() })), false)
      t.equal(await isText(T.Array(T.String())), false)
    })

    t.test('text is sent unchanged', async (t) => {
      const types = await compile({ event: T.String() })
      t.same(types.validate('event', 'a\r\nb'), { payload: 'a\r\nb', isText: true })
    })

    t.test('__proto__, toString and constructor are valid event types if declared, and unknown otherwise', async (t) => {
      const types = await compile({ ['__proto__']: T.Number(), toString: T.Number(), constructor: T.Number() })
      for (const name of ['__proto__', 'toString', 'constructor']) t.same(types.validate(name, 1), { payload: 1, isText: false }, name)
      const others = await compile({ event: T.Number() })
      for (const name of ['__proto__', 'toString', 'constructor']) t.throws(() => others.validate(name, 1), { code: 'FST_SSE_EVENT_UNKNOWN' }, name)
    })

    t.test('a payload that cannot be read is refused with a code, and without its error in the message', async (t) => {
      const types = await compile({ event: T.Object({ a: T.Number() }) })
      const cause = new Error('hunter2')
      const error = failureOf(types, { get a () { throw cause } })
      t.match(error, { code: INVALID, failures: [{ path: '', rule: 'could not be read' }], cause })
      t.notMatch(error.message, 'hunter2')
    })
  })
}

t.test('declarations', async (t) => {
  t.test('an event that is not declared is unknown', async (t) => {
    const types = await compile({ a: Type.Number() })
    t.throws(() => types.validate('b', 1), { code: 'FST_SSE_EVENT_UNKNOWN', message: /"b"/ })
    t.throws(() => types.validate(Symbol('b') as unknown as string, 1), { code: 'FST_SSE_EVENT_UNKNOWN' })
    t.throws(() => types.validate(1n as unknown as string, 1), { code: 'FST_SSE_EVENT_UNKNOWN' })
    t.equal(types.isText('b'), undefined)
  })

  t.test('an application that declares nothing accepts any event with any payload, and a string is text', async (t) => {
    const types = await EventTypes.compile(undefined)
    const payload = { a: 1 }
    t.same(types.validate('anything', 'x'), { payload: 'x', isText: true })
    t.equal(types.validate('__proto__', payload).payload, payload)
    t.equal(types.isText('anything'), undefined)
  })

  t.test('an empty declaration contains no event', async (t) => {
    const types = await EventTypes.compile([])
    t.throws(() => types.validate('a', 1), { code: 'FST_SSE_EVENT_UNKNOWN' })
  })

  for (const name of ['', 'a\rb', 'a\nb', 'a\0b', '\n', 'open', 'error', 'sse.', 'sse.open', 'sse.mine']) {
    t.test(`${JSON.stringify(name)} is refused as an event type, declared or not`, async (t) => {
      await t.rejects(compile({ [name]: Type.Number() }), { code: 'FST_SSE_EVENT_INVALID', message: JSON.stringify(name) })
      const undeclared = await EventTypes.compile(undefined)
      t.throws(() => undeclared.validate(name, 1), { code: 'FST_SSE_EVENT_INVALID' })
    })
  }

  t.test('event types that resemble the refused ones are accepted', async (t) => {
    await t.resolves(compile(Object.fromEntries(['message', 'Open', 'error.of.mine', 'sse', 'ssex', ' ', 'übung', 'a:b'].map((name) => [name, Type.Number()]))))
  })

  t.test('an event type in two declarations is refused', async (t) => {
    await t.rejects(EventTypes.compile([{ a: Type.Number() }, { a: Type.Number() }]), { code: 'FST_SSE_EVENT_INVALID', message: /"a".*twice/ })
    const types = await EventTypes.compile([{ a: Type.Number() }, { b: Type.Number() }])
    t.same(types.validate('b', 1).payload, 1)
  })

  t.test('{ schema } declares an event like the schema alone, and refuses unknown keys', async (t) => {
    t.same(await outgoing({ schema: Type.Object({ a: Type.Number() }) }, { a: 1, b: 2 }), [{ a: 1 }])
    t.same(await outgoing({ schema: Next.Object({ a: Next.Number() }) }, { a: 1, b: 2 }), [{ a: 1 }])
    await t.rejects(compile({ a: { schema: Type.Number(), latestby: 1 } }), { code: 'FST_SSE_EVENT_INVALID', message: /"latestby" is unknown/ })
  })

  t.test('invalid values of `ephemeral` and `latestBy` are refused', async (t) => {
    for (const [option, value] of [['ephemeral', 1], ['ephemeral', null], ['latestBy', 'who'], ['latestBy', null]] as const) {
      await t.rejects(compile({ a: { schema: Type.Number(), [option]: value } }), { code: 'FST_SSE_EVENT_INVALID', message: `"${option}" must be` })
    }
    const types = await compile({ a: { schema: Type.Number(), ephemeral: true }, b: Type.Number() })
    t.strictSame(['a', 'b', 'c'].map((event) => types.isEphemeral(event)), [true, false, false])
  })

  t.test('`latestBy` computes the key from the decoded payload', async (t) => {
    const at = Type.Transform(Type.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())
    const types = await compile({ a: { schema: at, latestBy: (date: Date) => date.getTime() }, b: Type.Number() })
    t.equal(types.keyOf('a', new Date(7)), '7')
    t.equal(types.keyOf('b', 1), undefined)
    t.equal(types.keyOf('c', 1), undefined)
  })

  t.test('a `latestBy` that throws, or returns neither text nor a number, is refused with its event', async (t) => {
    for (const key of [undefined, null, {}, true]) {
      const types = await compile({ a: { schema: Type.Number(), latestBy: () => key } })
      t.throws(() => types.keyOf('a', 1), { code: 'FST_SSE_KEY_INVALID', message: /^The "latestBy" of "a" must return text or a number; it returned \w+$/ })
    }
    const cause = new Error('secret')
    const types = await compile({ a: { schema: Type.Number(), latestBy: () => { throw cause } } })
    t.throws(() => types.keyOf('a', 1), { code: 'FST_SSE_KEY_INVALID', message: 'The "latestBy" of "a" must return text or a number; it threw', cause })
  })

  for (const [what, value] of Object.entries({ undefined, null: null, 'a string': 'string', 'a function': () => {}, 'a list': [], '{ schema: undefined }': { schema: undefined }, 'plain JSON Schema': { type: 'string' }, '{ schema } of plain JSON Schema': { schema: { type: 'string' } } })) {
    t.test(`${what} is refused as a declaration`, async (t) => {
      await t.rejects(compile({ odd: value }), { code: 'FST_SSE_EVENT_INVALID', message: '"odd"' })
    })
  }

  t.test('a schema that cannot be compiled is refused at registration with the name of its event', async (t) => {
    await t.rejects(compile({ odd: Type.Object({ a: Type.Unsafe({ type: 'string', enum: ['a'] }) }) }), { code: 'FST_SSE_EVENT_INVALID', message: /"odd".*"Unsafe"/ })
  })

  t.test('`missing` returns the events of a declaration that are not registered', async (t) => {
    const events = { a: Type.Number(), b: { schema: Type.Number() } }
    const types = await EventTypes.compile([events])
    t.same(types.missing(events), [])
    t.same(types.missing({ a: events.a }), [])
    t.same(types.missing({ ...events, b: { schema: Type.Number() }, c: Type.Number() }), ['b', 'c'])
  })
})

/** A Date, encoded as text. The encoder throws on any other value. */
const At = Type.Transform(Type.String({ format: 'date-time' })).Decode((text) => new Date(text)).Encode((date) => date.toISOString())
/** A Set, encoded as a list. The encoder throws on a value without `values()`. */
const Tags = Type.Transform(Type.Array(Type.String())).Decode((list) => new Set(list)).Encode((set) => [...set.values()])
const NextAt = Next.Codec(Next.String({ format: 'date-time' })).Decode((text) => new Date(text)).Encode((date) => date.toISOString())
const NextTags = Next.Codec(Next.Array(Next.String())).Decode((list) => new Set(list)).Encode((set) => [...set.values()])

const epoch = new Date(0)
const text = '1970-01-01T00:00:00.000Z'

for (const [line, T, at, tags] of [['Type.Transform', Type, At, Tags], ['Codec of typebox', Next as unknown as Builder, NextAt as unknown as TSchema, NextTags as unknown as TSchema]] as const) {
  t.test(line, async (t) => {
    t.test('is encoded at the root, and is JSON even if its encoded form is a string', async (t) => {
      t.same(await outgoing(at, epoch, text), [text, INVALID])
      t.equal(await isText(at), false)
      t.equal(await isText(T.Union([T.Literal('never'), at])), false)
    })

    t.test('is encoded in properties, lists, tuples and records', async (t) => {
      t.same(await outgoing(T.Object({ p: T.Object({ at }) }), { p: { at: epoch, x: 1 } }), [{ p: { at: text } }])
      t.same(await outgoing(T.Array(at), [epoch, epoch], [epoch, 1]), [[text, text], INVALID])
      t.same(await outgoing(T.Tuple([T.Number(), at]), [1, epoch]), [[1, text]])
      t.same(await outgoing(T.Record(T.String(), at), { a: epoch, ['__proto__']: epoch }), [JSON.parse(`{"a":"${text}","__proto__":"${text}"}`)])
      t.same(await outgoing(T.Object({}, { additionalProperties: at }), { a: epoch }), [{ a: text }])
      t.same(await outgoing(T.Object({ at: T.Optional(at) }), { at: epoch }, {}, { at: undefined }), [{ at: text }, {}, {}])
    })

    t.test('is encoded by the member of a union that accepts the value, even if encoders of other members throw', async (t) => {
      t.same(await outgoing(T.Union([at, T.Number()]), epoch, 1, 'x'), [text, 1, INVALID])
      t.same(await outgoing(T.Union([T.Number(), at]), epoch, 1, 'x'), [text, 1, INVALID])
      t.same(await outgoing(T.Union([tags, at]), epoch, new Set(['a']), 1), [text, ['a'], INVALID])
      t.same(await outgoing(T.Array(T.Union([at, tags, T.Null()])), [new Set(['a']), epoch, null]), [[['a'], text, null]])
      const Kinds = T.Union([T.Object({ kind: T.Literal('a'), at }), T.Object({ kind: T.Literal('b'), at: T.Number() })])
      t.same(await outgoing(Kinds, { kind: 'b', at: 1 }, { kind: 'a', at: epoch }), [{ kind: 'b', at: 1 }, { kind: 'a', at: text }])
    })

    t.test('is encoded in every member of an intersection, and once if two members declare it', async (t) => {
      t.same(await outgoing(T.Intersect([T.Object({ at }), T.Object({ tags })]), { at: epoch, tags: new Set(['a']), x: 1 }), [{ at: text, tags: ['a'] }])
      t.same(await outgoing(T.Intersect([T.Object({ at }), T.Object({ at, id: T.Number() })]), { at: epoch, id: 1 }), [{ at: text, id: 1 }])
      const Open = T.Intersect([T.Object({ at }), T.Object({ id: T.Number() })], { unevaluatedProperties: at })
      t.same(await outgoing(Open, { at: epoch, id: 1, other: epoch }), [{ at: text, id: 1, other: text }])
    })

    t.test('is encoded from the outermost type inwards', async (t) => {
      const Pair = line === 'Type.Transform'
        ? Type.Transform(Type.Object({ at: At })).Decode(({ at }) => [at]).Encode(([at]) => ({ at: at as Date }))
        : Next.Codec(Next.Object({ at: NextAt })).Decode(({ at }) => [at]).Encode(([at]) => ({ at: at as Date }))
      t.same(await outgoing(Pair, [epoch]), [{ at: text }])
    })

    t.test('is encoded from a getter of a class, beside getters without a transform', async (t) => {
      class Order {
        #at = epoch
        id = 1
        get at (): Date { return this.#at }
        get year (): number { return this.#at.getUTCFullYear() }
        get secret (): never { throw new Error('nobody asks for this') }
      }
      const order = Object.freeze(new Order())
      t.same(await outgoing(T.Object({ id: T.Number(), at, year: T.Number() }), order), [{ id: 1, at: text, year: 1970 }])
      t.same(await outgoing(T.Intersect([T.Object({ at }), T.Object({ year: T.Number() })]), order), [{ at: text, year: 1970 }])
    })

    t.test('does not hide undeclared properties from a schema that refuses them', async (t) => {
      const closed = T.Object({ id: T.Number(), at }, { additionalProperties: false })
      t.same(await outgoing(closed, { id: 1, at: epoch }, { id: 1, at: epoch, x: 1 }), [{ id: 1, at: text }, INVALID])
    })

    t.test('is not applied to inherited properties', async (t) => {
      t.same(await outgoing(T.Object({ ['__proto__']: T.Optional(at), a: at }), { a: epoch }), [{ a: text }])
    })

    t.test('leaves the payload unchanged', async (t) => {
      const payload = Object.freeze({ at: epoch, list: Object.freeze([epoch]) })
      t.same(await outgoing(T.Object({ at, list: T.Array(at) }), payload), [{ at: text, list: [text] }])
      t.same(payload, { at: epoch, list: [epoch] })
    })

    t.test('with an encoder that throws fails with the path of the value and the error as cause, and the message contains no part of it', async (t) => {
      const types = await compile({ event: T.Object({ p: T.Array(T.Object({ 'at/~': at })) }) })
      const error = failureOf(types, { p: [{ 'at/~': epoch }, { 'at/~': new Date('hunter2') }] })
      t.match(error, { code: INVALID, failures: [{ path: '/p/1/at~1~0', rule: 'could not be encoded' }], cause: { name: 'RangeError' } })
      t.ok(error.failures[0]?.value instanceof Date)
      t.notMatch(error.message, 'Invalid time value')
    })
  })
}

t.test('recursive types and modules', async (t) => {
  const Tree = Type.Recursive((This) => Type.Object({ at: At, children: Type.Array(This), next: Type.Union([This, Type.Null()]) }))
  const NextThis = Next.Ref('Tree')
  const NextTree = Next.Cyclic({
    Tree: Next.Object({ at: NextAt, children: Next.Array(NextThis), next: Next.Union([NextThis, Next.Null()]) })
  }, 'Tree')
  const leaf = { at: epoch, children: [], next: null }
  const goneOut = { at: text, children: [], next: null }

  for (const [name, schema] of [['Type.Recursive', Tree], ['Cyclic of typebox', NextTree]] as const) {
    t.test(`${name} encodes and projects at every depth`, async (t) => {
      const tree = { at: epoch, children: [leaf], next: { ...leaf, x: 1, next: leaf } }
      t.same(await outgoing(schema, tree), [{ at: text, children: [goneOut], next: { ...goneOut, next: goneOut } }])
      t.same(await outgoing(schema, { ...leaf, next: { ...leaf, next: 1 } }), [INVALID])
    })

    t.test(`a circular payload of ${name} is refused with a code`, async (t) => {
      const cycle = { at: epoch, children: [] as unknown[], next: null }
      cycle.children.push(cycle)
      t.same(await outgoing(schema, cycle), [INVALID])
    })
  }

  t.test('a transform of a reference is encoded', async (t) => {
    const definitions: Record<string, TSchema> = {
      Id: Type.String(),
      Number: Type.Transform(Type.Ref('Id')).Decode(Number).Encode(String),
      Order: Type.Object({ number: Type.Ref('Number') })
    }
    const Shop = Type.Module(definitions)
    t.same(await outgoing(Shop.Import('Order'), { number: 7 }), [{ number: '7' }])
    t.same(await outgoing(Type.Transform(Shop.Import('Id')).Decode(Number).Encode(String), 7), ['7'])
    const NextOrder = Next.Object({ number: Next.Codec(Next.Ref('Id')).Decode(Number).Encode(String) })
    t.same(await outgoing(Next.Cyclic({ Order: NextOrder, Id: Next.String() }, 'Order'), { number: 7 }), [{ number: '7' }])
  })

  t.test('two types of one name in one event, which TypeBox would confuse, are refused at registration', async (t) => {
    const Shop = Type.Module({ Id: Type.String(), Order: Type.Object({ id: Type.Ref('Id') }) })
    const Stock = Type.Module({ Id: Type.Number(), Part: Type.Object({ id: Type.Ref('Id') }) })
    await t.rejects(compile({ event: Type.Object({ a: Shop.Import('Order'), b: Stock.Import('Part') }) }), { code: 'FST_SSE_EVENT_INVALID', message: /"event".*"Id"/ })
    t.same(await outgoing(Type.Object({ a: Shop.Import('Order'), b: Shop.Import('Id') }), { a: { id: 'a' }, b: 'b' }, { a: { id: 'a' }, b: 1 }), [{ a: { id: 'a' }, b: 'b' }, INVALID])
    await t.resolves(compile({ a: Shop.Import('Order'), b: Stock.Import('Part') }))
  })

  t.test('a string behind a reference is text', async (t) => {
    t.equal(await isText(Type.Module({ A: Type.Ref('B'), B: Type.String() }).Import('A')), true)
    t.equal(await isText(Next.Cyclic({ A: Next.String() }, 'A')), true)
  })
})

t.test('a string enum in plain JSON Schema, wrapped by typebox, is text', async (t) => {
  t.equal(await isText(Next.Unsafe<'a' | 'b'>({ type: 'string', enum: ['a', 'b'] })), true)
  t.same(await outgoing(Next.Unsafe<'a' | 'b'>({ type: 'string', enum: ['a', 'b'] }), 'a', 'c'), ['a', INVALID])
})

t.test('a payload is refused if a getter returns an invalid value on its second read', async (t) => {
  let looks = 0
  const types = await EventTypes.compile([{ event: Type.Object({ a: Type.Number() }) }])
  const payload = { get a () { return looks++ === 0 ? 1 : 'other' } }
  t.throws(() => types.validate('event', payload), { code: 'FST_SSE_PAYLOAD_INVALID' })
})

t.test('a recursive union of 16 levels is encoded with at most four encodings per level', async (t) => {
  let encodings = 0
  const At = Type.Transform(Type.String()).Decode((text) => new Date(text)).Encode((date) => { encodings++; return date.toISOString() })
  const Comment = Type.Recursive((This) => Type.Union([
    Type.Object({ kind: Type.Literal('a'), at: At, reply: Type.Union([This, Type.Null()]) }),
    Type.Object({ kind: Type.Literal('b'), at: At, reply: Type.Union([This, Type.Null()]) })
  ]))
  const types = await EventTypes.compile([{ event: Comment }])
  let comment: object | null = null
  for (let depth = 0; depth < 16; depth++) comment = { kind: 'b', at: new Date(0), reply: comment }
  types.validate('event', comment)
  t.ok(encodings <= 16 * 4, `${encodings} encodings of 16 dates`)
})
