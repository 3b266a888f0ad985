import fc from 'fast-check'
import Negotiator from 'negotiator'
import t from 'tap'
import { membersOf, weightOf } from '../../lib/open/accept-headers.ts'
import { acceptsEventStream, asksForEventStream, codingFor, EVENT_STREAM } from '../../lib/open/content-negotiation.ts'
import { tries } from '../support/tries.ts'

t.test('a member has a name in lower case, parameters without quotation marks, and a weight', async (t) => {
  t.strictSame(membersOf('a/b, Text/HTML ; Level="1" ;q=0.5;x=y ,text/html', ['text/html']), [
    { name: 'text/html', parameters: ['level=1', 'x=y'], weight: 0.5 },
    { name: 'text/html', parameters: [], weight: 1 }
  ])
})

t.test('a comma or semicolon within quotation marks belongs to the parameter', async (t) => {
  const members = membersOf('a;x="b,c;q=0,\\",c", c', ['a', 'c'])
  t.strictSame(members.map(({ name, weight }) => [name, weight]), [['a', 1], ['c', 1]])
})

t.test('every weight is limited to the range from 0 to 1', async (t) => {
  const weights = membersOf('a;q=2, a;q=-1, a;q=, a;q=x, a;q=0.25, a;Q=0.5', ['a']).map(({ weight }) => weight)
  t.strictSame(weights, [1, 0, 1, 0, 0.25, 0.5])
})

t.test('the most specific member decides, and among equals the member with the greatest weight', async (t) => {
  const weight = (list: string): number | undefined => weightOf(membersOf(list, ['a', '*']), ['a', '*'], ['x=1'])
  t.equal(weight('*;q=0.9, a;q=0.1'), 0.1)
  t.equal(weight('a;q=0.9, a;x=1;q=0.1'), 0.1)
  t.equal(weight('a;q=0.2, a;q=0.4'), 0.4)
  t.equal(weight('a;y=1, *;q=0.3'), 0.3)
  t.equal(weight('a;y=1'), undefined)
})

t.test('at most 32 members with wanted names, eight parameters per member, and 16 KiB are read', async (t) => {
  t.equal(membersOf('a,'.repeat(100), ['a']).length, 32)
  t.equal(membersOf(`${'b,'.repeat(100)}a`, ['a']).length, 1)
  t.equal(membersOf(`a${';x=1'.repeat(8)}`, ['a']).length, 1)
  t.equal(membersOf(`a${';x=1'.repeat(9)}, a`, ['a']).length, 1)
  t.equal(membersOf(`${' '.repeat(16 * 1024)}a`, ['a']).length, 0)
})

// The package negotiator as reference. The generators omit cases that RFC 9110 leaves open (codings of equal weight) and invalid HTTP.
const opinion = (header: 'accept' | 'accept-encoding', value: string): Negotiator => new Negotiator({ headers: { [header]: value } })
const weights = fc.constantFrom('', ';q=0', ';q=0.001', ';q=0.5', '; q=0.8', ';Q=1.0', ' ; q=1')
const parameters = fc.constantFrom('', '', '', ';charset=utf-8', ';charset="UTF-8"', ';version=1', '; a="b,c;q=0"')
const separator = fc.constantFrom(',', ', ', ' ,\t')
const listOf = (member: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(fc.tuple(member, separator), { minLength: 1, maxLength: 8 }).map((members) => members.flat().slice(0, -1).join(''))

t.test('valid headers are read as the package negotiator reads them', async (t) => {
  const range = fc.constantFrom('text/event-stream', 'Text/Event-Stream', 'text/*', '*/*', '*/event-stream', 'application/json', 'text/html', 'text/event-stream-x')
  await t.resolves(fc.assert(fc.asyncProperty(listOf(fc.tuple(range, parameters, weights).map((parts) => parts.join(''))), async (accept) => {
    const offered = [EVENT_STREAM, `${EVENT_STREAM};charset=utf-8`]
    return acceptsEventStream(accept) === (opinion('accept', accept).mediaType(offered) !== undefined) &&
      asksForEventStream(accept) === opinion('accept', accept.toLowerCase()).mediaTypes().includes(EVENT_STREAM)
  }), tries(3000)))
  const coding = fc.constantFrom('gzip', 'GZIP', 'identity', '*', 'br', 'deflate', 'gzipped')
  const distinct = fc.uniqueArray(fc.constantFrom(0, 0.001, 0.25, 0.5, 0.8, 1), { minLength: 6, maxLength: 6 })
  await t.resolves(fc.assert(fc.asyncProperty(fc.array(coding, { minLength: 1, maxLength: 6 }), distinct, async (codings, qs) => {
    const value = codings.map((name, n) => `${name};q=${qs[n]}`).join(', ')
    return codingFor(value) === (opinion('accept-encoding', value).encoding(['gzip', 'identity']) === 'gzip' ? 'gzip' : 'identity')
  }), tries(3000)))
})
