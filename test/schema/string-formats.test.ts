import { createRequire } from 'node:module'
import { FormatRegistry, Type } from '@sinclair/typebox'
import { formatNames } from 'ajv-formats/dist/formats.js'
import t from 'tap'
import { EventTypes } from '../../lib/schema/event-types.ts'
import type { AnySchema } from '../../lib/schema/payload.ts'
import { Next, NextFormats } from '../support/typebox.ts'

// Strings that fit each format, and strings that do not. Fastify's own validation decides which do.
const SAMPLES: Record<string, readonly string[]> = {
  date: ['2026-01-31', '2024-02-29', '2026-02-29', '2026-13-01', '26-01-31', ''],
  time: ['20:34:05Z', '20:34:05.123+01:00', '23:59:60Z', '20:34:05', '25:00:00Z', '20:34'],
  'date-time': ['2026-01-31T20:34:05Z', '2026-01-31t20:34:05.123z', '2026-01-31 20:34:05+01:00', '2026-01-31T20:34:05', '2026-02-30T20:34:05Z', '2026-01-31'],
  'iso-time': ['20:34:05Z', '20:34:05', '20:34:05+01', '25:00:00', 'noon'],
  'iso-date-time': ['2026-01-31T20:34:05Z', '2026-01-31T20:34:05', '2026-01-31', 'tomorrow'],
  duration: ['P1D', 'PT1H30M', 'P2W', 'P', 'P1W2D', '1D'],
  uri: ['https://example.org/a?b#c', 'urn:isbn:0451450523', 'mailto:a@example.org', '/relative', 'https://example.org/a b', ''],
  'uri-reference': ['/a/b?c', '../a', '#a', 'https://example.org', '\\a', 'a b'],
  'uri-template': ['https://example.org/{id}', '/a{?b,c}', '/a{', '/a b'],
  url: ['https://example.org', 'https://example.org/a?b', 'ftp://example.org', 'example.org', 'http://10.0.0.1'],
  email: ['a@example.org', 'a.b+c@example.co.uk', 'a@', '@example.org', 'a b@example.org', 'a@localhost'],
  hostname: ['example.org', 'a-b.example', 'localhost', '-a.example', 'a_b', 'a..b'],
  ipv4: ['127.0.0.1', '255.255.255.255', '256.0.0.1', '127.0.0', '01.2.3.4'],
  ipv6: ['::1', '2001:db8::8:800:200c:417a', '::ffff:127.0.0.1', '12345::', '1::2::3', '127.0.0.1'],
  regex: ['^a+$', '[a-z]', '[a', '(', 'a\\Z'],
  uuid: ['123e4567-e89b-12d3-a456-426614174000', 'urn:uuid:123e4567-e89b-12d3-a456-426614174000', '123e4567e89b12d3a456426614174000', '123e4567'],
  'json-pointer': ['', '/a/b', '/a~0b~1c', 'a', '/a~2'],
  'json-pointer-uri-fragment': ['#', '#/a/b', '#/a%25b', '/a', '#a'],
  'relative-json-pointer': ['0', '1/a', '2#', '/a', '01/a', '-1'],
  byte: ['aGVsbG8=', 'YWJj', 'aGVsbG8', '!!!!'],
  int32: ['1', 'one'],
  int64: ['1', 'one'],
  float: ['1.5', 'one'],
  double: ['1.5', 'one'],
  password: ['hunter2', ''],
  binary: ['\0\x01', '']
}

// The number formats do not apply to strings, and `password` and `binary` have no rule.
const REFUSES_NOTHING = ['int32', 'int64', 'float', 'double', 'password', 'binary']

const require = createRequire(import.meta.url)
type Compile = (route: { schema: object }) => (value: unknown) => boolean
const createCompiler = createRequire(require.resolve('fastify'))('@fastify/ajv-compiler') as () => (schemas: object, options: object) => Compile
const compileAsFastify = createCompiler()({}, { customOptions: {} })

async function accepted (schema: AnySchema, values: readonly string[]): Promise<string[]> {
  const types = await EventTypes.compile([{ event: schema }])
  return values.filter((value) => {
    try {
      return types.validate('event', value).payload === value
    } catch {
      return false
    }
  })
}

// Samples on which a rule of typebox 1.x differs from Fastify's. The rule of typebox 1.x takes precedence.
const OTHERWISE_IN_NEXT: Record<string, string> = {
  'date-time': '2026-01-31 20:34:05+01:00',
  url: 'http://10.0.0.1',
  email: 'a@localhost',
  uuid: 'urn:uuid:123e4567-e89b-12d3-a456-426614174000'
}

t.test('a format of the application', async (t) => {
  const isLoud = (value: string): boolean => value === value.toUpperCase()

  t.test('takes precedence over the format of Fastify', async (t) => {
    FormatRegistry.Set('ipv4', isLoud)
    NextFormats.Set('ipv4', isLoud)
    t.teardown(() => FormatRegistry.Delete('ipv4'))
    t.teardown(() => NextFormats.Reset())
    t.same(await accepted(Type.String({ format: 'ipv4' }), ['LOUD', 'quiet']), ['LOUD'])
    t.same(await accepted(Next.String({ format: 'ipv4' }), ['LOUD', 'quiet']), ['LOUD'])
  })

  t.test('takes precedence even if it is registered in the CommonJS copy of TypeBox', async (t) => {
    const required = require('@sinclair/typebox') as { FormatRegistry: typeof FormatRegistry, Type: typeof Type }
    t.not(required.FormatRegistry.Set, FormatRegistry.Set)
    required.FormatRegistry.Set('ipv6', isLoud)
    t.teardown(() => FormatRegistry.Delete('ipv6'))
    t.teardown(() => required.FormatRegistry.Delete('ipv6'))
    t.same(await accepted(required.Type.String({ format: 'ipv6' }), ['LOUD', 'quiet']), ['LOUD'])
  })

  t.test('may have a name that Fastify does not know', async (t) => {
    FormatRegistry.Set('loud', isLoud)
    NextFormats.Set('loud', isLoud)
    t.same(await accepted(Type.Object({ a: Type.Array(Type.String({ format: 'loud' })) }).properties.a.items, ['LOUD', 'quiet']), ['LOUD'])
    t.same(await accepted(Next.String({ format: 'loud' }), ['LOUD', 'quiet']), ['LOUD'])
  })
})

t.test('an unknown format is refused at registration with the names of the event and the format', async (t) => {
  const Unknown = Type.String({ format: 'unheard-of' })
  const NextUnknown = Next.String({ format: 'unheard-of' })
  const schemas: Record<string, AnySchema> = {
    'at the root': Unknown,
    'in a list in an object': Type.Object({ a: Type.Array(Unknown) }),
    'in a union': Type.Union([Type.Number(), Unknown]),
    'in Not, which would accept everything': Type.Not(Unknown),
    'in "contains" of a list': Type.Array(Type.String(), { contains: Unknown }),
    'in a module': Type.Module({ A: Type.Ref('B'), B: Unknown }).Import('A'),
    'at the root, in typebox': NextUnknown,
    'in a list in an object, in typebox': Next.Object({ a: Next.Array(NextUnknown) }),
    'without a type, in typebox': Next.Unsafe({ format: 'unheard-of' })
  }
  for (const [place, schema] of Object.entries(schemas)) {
    await t.rejects(EventTypes.compile([{ 'order.updated': schema }]), { code: 'FST_SSE_EVENT_INVALID', message: /"order.updated".*"unheard-of"/ }, place)
  }
})

t.test('the format of a schema other than a string is ignored', async (t) => {
  await t.resolves(EventTypes.compile([{ a: Type.Number({ format: 'money' }), b: Type.Date({ format: 'day' }), c: Type.Union([Type.Null()], { format: 'any' }) }]))
  await t.resolves(EventTypes.compile([{ a: Next.Number({ format: 'money' }) }]))
})

t.test('every format of ajv-formats has samples', async (t) => {
  t.same(Object.keys(SAMPLES).toSorted(), [...formatNames].toSorted())
})

for (const [format, samples] of Object.entries(SAMPLES)) {
  t.test(`${format} accepts what Fastify's own validation accepts, in both lines of TypeBox`, async (t) => {
    const validate = compileAsFastify({ schema: { type: 'string', format } })
    const expected = samples.filter((sample) => validate(sample))
    t.ok(expected.length > 0, 'some samples fit')
    t.equal(expected.length < samples.length, !REFUSES_NOTHING.includes(format), 'some do not fit if the format has a rule')
    t.same(await accepted(Type.String({ format }), samples), expected, '@sinclair/typebox')
    const isLikeInNext = (sample: string): boolean => sample !== OTHERWISE_IN_NEXT[format]
    t.same(await accepted(Next.String({ format }), samples.filter(isLikeInNext)), expected.filter(isLikeInNext), 'typebox')
  })
}

for (const [format, sample] of Object.entries(OTHERWISE_IN_NEXT)) {
  t.test(`the rule of typebox 1.x for ${format} takes precedence`, async (t) => {
    const [own] = await accepted(Next.String({ format }), [sample])
    t.not(own === sample, compileAsFastify({ schema: { type: 'string', format } })(sample))
  })
}
