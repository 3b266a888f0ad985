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

/** In ASCII: tap would take a line separator in a title for the end of a line. */
function quoted (text: string): string {
  return JSON.stringify(text).replaceAll(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
}

const refused: Array<[title: string, options: unknown, code: string]> = [
  ['null', null, INVALID],
  ['a text', 'a', INVALID],
  ['a list', ['a'], INVALID],
  ['a function', () => ({ channels: 'a' }), INVALID],
  ['a misspelled option', { channel: 'a' }, UNKNOWN],
  ['an own __proto__', JSON.parse('{"__proto__":{"channels":["a"]}}'), UNKNOWN],
  ['an own constructor', { constructor: 1 }, UNKNOWN],
  ['channels given as undefined', { channels: undefined }, INVALID],
  ['channels given as null', { channels: null }, INVALID],
  ['channels in a set', { channels: new Set(['a']) }, INVALID],
  ['channels in arguments', { channels: inArguments('a') }, INVALID],
  ['channels like a list', { channels: { 0: 'a', length: 1 } }, INVALID],
  ['channels in a boxed text', { channels: Object('a') }, INVALID],
  ['a list with a hole', { channels: ['a', , 'b'] }, NAMES], // eslint-disable-line no-sparse-arrays
  ['a list of nothing but holes', { channels: Array(3) }, NAMES],
  ['a list in a list', { channels: [['a']] }, NAMES],
  ['a boxed name', { channels: [Object('a')] }, NAMES],
  ['a name with its own text', { channels: [{ toString: () => 'a' }] }, NAMES],
  ['a symbol for a name', { channels: [Symbol('a')] }, NAMES],
  ...['\n', '\r', '\0', '\t', '\x1b[31m', '\x7f', '\x80', '\x85', '\x9f', 'a\nb'].map((name): [string, unknown, string] => [`the name ${quoted(name)}`, { channels: ['a', name] }, NAMES]),
  ...['', ' ', ' a', 'a ', '\t', 'a\tb', 'a\nb', 'a\r', 'a\0', '\x7f', 'é', '\u2028', '😀', '\uFEFFa', 'i'.repeat(257)].map((id): [string, unknown, string] => [`the id ${quoted(id)}`, { id }, INVALID]),
  ...['sse.final', 'sse.', 'head', 'oldest', 'abcdefghij.0', '0123456789.9999999999999999', 'mine@abcdefghij.0', '@abcdefghij.0'].map((id): [string, unknown, string] => [`the id ${id}, which is ours`, { id }, INVALID]),
  ...[7, null, true, {}, [], ['a'], Symbol('a'), 1n, Object('a'), { toString: () => 'a' }].map((id): [string, unknown, string] => [`an id of the type ${Object.prototype.toString.call(id)}`, { id }, INVALID]),
  ...[1, 'true', null, {}, Object(true)].map((ephemeral): [string, unknown, string] => [`ephemeral as ${Object.prototype.toString.call(ephemeral)}`, { ephemeral }, INVALID]),
  ['an id of what is not kept', { id: 'a', ephemeral: true }, INVALID]
]

t.test('a broadcast', async (t) => {
  const server = await start(t)
  const { app, logged, port } = server
  const reader = await TwoOpinions.open(t, port)
  for (const [title, options, code] of refused) {
    t.test(`with ${title} is refused with a code and logged once, and nothing arrives`, async (t) => {
      const { lastEventId } = app.sse
      await t.rejects(app.sse.broadcast('message', 'x', options as BroadcastOptions), { code })
      t.equal(app.sse.lastEventId, lastEventId)
      const { id } = await app.sse.broadcast('message', 'next')
      t.same(await reader.next(), { type: 'message', data: 'next', lastEventId: id })
      t.equal(logged.splice(0).length, 1)
    })
  }

  t.test('with options that throw, or cannot be read, rejects and is logged once, and nothing arrives', async (t) => {
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

  t.test('with ids at the edges of what is allowed arrives with them, and is found by them', async (t) => {
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

  t.test('to nobody, or to ten thousand channels, hurts nobody', async (t) => {
    await app.sse.broadcast('message', 'x', { channels: [] })
    await app.sse.broadcast('message', 'many', { channels: ['*', ...Array.from({ length: 10_000 }, (_, n) => `c${n}`), '*'] })
    await app.sse.broadcast('message', 'next', { channels: Object.freeze(['*', '*']) as string[] })
    t.strictSame([(await reader.next()).data, (await reader.next()).data], ['many', 'next'])
  })

  t.test('leaves others served', async (t) => {
    reader.leave()
    await server.servesOthers(t)
  })
})

t.test('what is checked of a list of channels is what is used, though its items are something else at the second look', async (t) => {
  const { app, port } = await start(t, { subscribe: () => ({ channels: ['private'] }) })
  const reader = await TwoOpinions.open(t, port)
  let looks = 0
  const channels = Object.defineProperty(['public'], 0, { get: () => looks++ === 0 ? 'public' : 'private' })
  await app.sse.broadcast('message', 'for the public', { channels })
  await app.sse.broadcast('message', 'next', { channels: 'private' })
  t.equal((await reader.next()).data, 'next')
})

t.test('what is changed after the call changes nothing that goes out', async (t) => {
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
