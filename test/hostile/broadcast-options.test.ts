import t from 'tap'
import type { BroadcastOptions } from '../../plugin.ts'
import { start } from './server.ts'
import { TwoOpinions } from './two-opinions.ts'

const NAMES = 'FST_SSE_CHANNEL_INVALID'
const INVALID = 'FST_SSE_OPTION_INVALID'
const UNKNOWN = 'FST_SSE_OPTION_UNKNOWN'

function revoked (target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

function inArguments (..._names: string[]): unknown {
  return arguments
}

/** Escapes everything outside ASCII: tap would treat a line separator in a title as the end of a line. */
function quoted (text: string): string {
  return JSON.stringify(text).replaceAll(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
}

const refused: Array<[title: string, options: unknown, code: string]> = [
  ['null', null, INVALID],
  ['a string', 'a', INVALID],
  ['an array', ['a'], INVALID],
  ['a function', () => ({ channels: 'a' }), INVALID],
  ['a misspelled option', { channel: 'a' }, UNKNOWN],
  ['an own __proto__', JSON.parse('{"__proto__":{"channels":["a"]}}'), UNKNOWN],
  ['an own constructor', { constructor: 1 }, UNKNOWN],
  ['channels given as undefined', { channels: undefined }, INVALID],
  ['channels given as null', { channels: null }, INVALID],
  ['channels in a set', { channels: new Set(['a']) }, INVALID],
  ['channels in an arguments object', { channels: inArguments('a') }, INVALID],
  ['channels in an array-like object', { channels: { 0: 'a', length: 1 } }, INVALID],
  ['channels in a boxed string', { channels: Object('a') }, INVALID],
  ['an array with a hole', { channels: ['a', , 'b'] }, NAMES], // eslint-disable-line no-sparse-arrays
  ['an array of holes alone', { channels: Array(3) }, NAMES],
  ['an array in an array', { channels: [['a']] }, NAMES],
  ['a boxed name', { channels: [Object('a')] }, NAMES],
  ['an object with toString for a name', { channels: [{ toString: () => 'a' }] }, NAMES],
  ['a symbol for a name', { channels: [Symbol('a')] }, NAMES],
  ...['\n', '\r', '\0', '\t', '\x1b[31m', '\x7f', '\x80', '\x85', '\x9f', 'a\nb'].map((name): [string, unknown, string] => [`the name ${quoted(name)}`, { channels: ['a', name] }, NAMES]),
  ...['', ' ', ' a', 'a ', '\t', 'a\tb', 'a\nb', 'a\r', 'a\0', '\x7f', 'é', '\u2028', '😀', '\uFEFFa', 'i'.repeat(257)].map((id): [string, unknown, string] => [`the id ${quoted(id)}`, { id }, INVALID]),
  ...['sse.final', 'sse.', 'head', 'oldest', 'abcdefghij.0', '0123456789.9999999999999999', 'mine@abcdefghij.0', '@abcdefghij.0'].map((id): [string, unknown, string] => [`the reserved id ${id}`, { id }, INVALID]),
  ...[7, null, true, {}, [], ['a'], Symbol('a'), 1n, Object('a'), { toString: () => 'a' }].map((id): [string, unknown, string] => [`an id of the type ${Object.prototype.toString.call(id)}`, { id }, INVALID]),
  ...[1, 'true', null, {}, Object(true)].map((ephemeral): [string, unknown, string] => [`ephemeral as ${Object.prototype.toString.call(ephemeral)}`, { ephemeral }, INVALID]),
  ['an id of an ephemeral event', { id: 'a', ephemeral: true }, INVALID]
]

t.test('a broadcast', async (t) => {
  const server = await start(t)
  const { app, logged, port } = server
  const reader = await TwoOpinions.open(t, port)
  for (const [title, options, code] of refused) {
    t.test(`with ${title} is rejected with a code, logged once and not delivered`, async (t) => {
      const { lastEventId } = app.sse
      await t.rejects(app.sse.broadcast('message', 'x', options as BroadcastOptions), { code })
      t.equal(app.sse.lastEventId, lastEventId)
      const { id } = await app.sse.broadcast('message', 'next')
      t.same(await reader.next(), { type: 'message', data: 'next', lastEventId: id })
      t.equal(logged.splice(0).length, 1)
    })
  }

  t.test('with options that throw or cannot be read is rejected, logged once and not delivered', async (t) => {
    const thrower = (): never => { throw new Error('not today') }
    const hostile = [revoked({}), new Proxy({}, { ownKeys: thrower }), { get channels () { return thrower() } }, { get id () { return thrower() } },
      { channels: revoked([]) }, { channels: new Proxy(['a'], { get: thrower }) }, { channels: [revoked({})] }, { id: revoked({}) }]
    for (const options of hostile) {
      await t.rejects(app.sse.broadcast('message', 'x', options as BroadcastOptions))
      t.equal(logged.splice(0).length, 1)
    }
    await app.sse.broadcast('message', 'next')
    t.equal((await reader.next()).data, 'next')
  })

  t.test('with an id at the limits of validity arrives with that id, which a reader can resume from', async (t) => {
    const ids = ['!', '~', 'i'.repeat(256), 'a b', '__proto__', 'constructor', '$', '0-0', 'Head', 'OLDEST', 'sse', 'ssex.', 'abcdefghij.', 'abcdefghij.01', 'ABCDEFGHIJ.1', '%00', '&', '+', '#', 'id: 7', '@', 'a@b', 'a@b@']
    for (const id of ids) {
      const { id: lastEventId } = await app.sse.broadcast('message', id, { id })
      t.equal(lastEventId, `${id}@${app.sse.lastEventId!}`)
      t.same(await reader.next(), { type: 'message', data: id, lastEventId })
      const after = await app.sse.broadcast('message', 'next')
      t.equal((await reader.next()).data, 'next')
      const comeback = await TwoOpinions.open(t, port, `/events?lastEventId=${encodeURIComponent(lastEventId!)}`)
      t.same(await comeback.next(), { type: 'message', data: 'next', lastEventId: after.id })
      comeback.leave()
    }
  })

  t.test('to no channel, or to ten thousand channels, leaves later events intact', async (t) => {
    await app.sse.broadcast('message', 'x', { channels: [] })
    await app.sse.broadcast('message', 'many', { channels: ['*', ...Array.from({ length: 10_000 }, (_, n) => `c${n}`), '*'] })
    await app.sse.broadcast('message', 'next', { channels: Object.freeze(['*', '*']) as string[] })
    t.strictSame([(await reader.next()).data, (await reader.next()).data], ['many', 'next'])
  })

  t.test('of any of these kinds leaves the server intact for other readers', async (t) => {
    reader.leave()
    await server.servesOthers(t)
  })
})

t.test('an item of `channels` is read once: a getter cannot pass the check with one value and publish to another', async (t) => {
  const { app, port } = await start(t, { subscribe: () => ({ channels: ['private'] }) })
  const reader = await TwoOpinions.open(t, port)
  let looks = 0
  const channels = Object.defineProperty(['public'], 0, { get: () => looks++ === 0 ? 'public' : 'private' })
  await app.sse.broadcast('message', 'for the public', { channels })
  await app.sse.broadcast('message', 'next', { channels: 'private' })
  t.equal((await reader.next()).data, 'next')
})

t.test('changes of payload and options after the call do not change what is sent', async (t) => {
  const { app, opened, port } = await start(t)
  const reader = await TwoOpinions.open(t, port)
  const payload = { text: 'as it was', list: [1] }
  const channels = ['*']
  const options = { channels, id: 'mine' }
  const change = (): void => {
    payload.text = 'changed'
    payload.list.push(2)
  }
  const restore = (): void => {
    payload.text = 'as it was'
    payload.list.length = 1
  }
  const broadcast = app.sse.broadcast('message', payload, options)
  change()
  channels[0] = 'others'
  options.id = 'yours'
  t.match((await broadcast).id, /^mine@/)
  restore()
  const sent = opened[0]!.send('message', payload)
  change()
  t.equal(await sent, true)
  restore()
  await opened[0]!.stream('message', async function * () {
    yield payload
    change()
    yield { text: 'the second', list: [] }
  }, { end: false })
  t.strictSame([payload.text, payload.list], ['changed', [1, 2]])
  const json = '{"text":"as it was","list":[1]}'
  t.strictSame([await reader.next(), await reader.next(), await reader.next(), await reader.next()].map(({ data }) => data), [json, json, json, '{"text":"the second","list":[]}'])
})
