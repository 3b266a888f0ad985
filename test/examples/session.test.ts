import t from 'tap'
import { CLEAN, cookieOf, endOf, Example, isPlain, textsOf, type Proof } from './example.ts'

const FINAL = { event: 'sse.close', data: '{"reason":"revoked"}' }

async function signIn (example: Example, user: string, proof: Proof = {}): Promise<Proof> {
  const response = await example.post('/sign-in', proof, { user })
  if (response.status !== 204) throw new Error(`${response.status}: ${await response.text()}`)
  return cookieOf(response)
}

t.test('the example `session`', async (t) => {
  const example = await Example.start(t, 'session')

  await t.test('a request without a valid session gets a JSON response with 401 and is not counted', async (t) => {
    const ada = await signIn(example, 'ada')
    const forged = { cookie: `${ada.cookie!.slice(0, -4)}AAAA` }
    for (const proof of [{}, forged, { cookie: 'sessionId=' }, { 'last-event-id': 'sse.final' }]) {
      const answer = await example.refused(proof)
      t.equal(answer.status, 401)
      t.ok(isPlain(answer))
      t.notMatch(answer.headers['set-cookie']?.[0] ?? '', /^sessionId=[^;]/, 'no session is created')
    }
    t.equal(await example.say(ada, 'is anybody there?'), 0)
  })

  await t.test('each user gets messages to everybody and to itself, in every one of its streams', async (t) => {
    const ada = await signIn(example, 'ada')
    const bob = await signIn(example, 'bob')
    const readers = [await example.open(ada), await example.open(await signIn(example, 'ada')), await example.open(bob)]
    t.equal(await example.say(bob, 'for all'), 3)
    t.equal(await example.say(bob, 'for ada', 'ada'), 2)
    t.equal(await example.say(ada, 'for bob', 'bob'), 1)
    t.equal(await example.say(ada, 'for nobody', 'eve'), 0)
    await example.say(ada, 'the end')
    for (const reader of readers) await reader.seesEvents(undefined, 3)
    t.strictSame(readers.map(textsOf), [['for all', 'for ada', 'the end'], ['for all', 'for ada', 'the end'], ['for all', 'for bob', 'the end']])
    for (const { socket } of readers) socket.destroy()
  })

  await t.test('a reader that reconnects gets the missed messages, but only of its own channels', async (t) => {
    const ada = await signIn(example, 'ada')
    const bob = await signIn(example, 'bob')
    const before = await example.open(bob)
    await example.say(ada, 'seen')
    const lastEventId = (await before.seesEvents(undefined)).events.at(-1)!.id!
    before.socket.destroy()
    await example.say(ada, 'secret', 'ada')
    await example.say(ada, 'missed', 'bob')
    await example.say(ada, 'missed by all')
    const after = await example.open({ ...bob, 'last-event-id': lastEventId })
    t.strictSame(textsOf(await after.seesEvents(undefined, 2)), ['missed', 'missed by all'])
    const stolen = await example.open({ ...await signIn(example, 'eve'), 'last-event-id': lastEventId })
    t.strictSame(textsOf(await stolen.seesEvents(undefined)), ['missed by all'], 'an event ID grants no access')
    after.socket.destroy()
    stolen.socket.destroy()
  })

  await t.test('signing out ends the streams of that session immediately with `sse.close`, and no others', async (t) => {
    const dan = await signIn(example, 'dan')
    const here = [await example.open(dan), await example.open(dan)]
    const elsewhere = await example.open(await signIn(example, 'dan'))
    t.equal((await example.post('/sign-out', dan)).status, 204)
    for (const reader of here) t.strictSame(await endOf(reader), FINAL)
    for (const proof of [dan, { ...dan, 'last-event-id': 'sse.final' }]) t.equal((await example.refused(proof)).status, 401)
    t.equal((await example.post('/sign-out', dan)).status, 401)
    const bob = await signIn(example, 'bob')
    t.equal(await example.say(bob, 'still there', 'dan'), 1)
    await elsewhere.seesEvents(undefined)
    elsewhere.socket.destroy()
  })

  await t.test('a sign-in creates a new session id, so that a planted one is worthless', async (t) => {
    const planted = await signIn(example, 'mallory')
    const ada = await signIn(example, 'ada', planted)
    t.not(ada.cookie, planted.cookie)
    t.equal((await example.refused(planted)).status, 401)
  })

  await t.test('no user name selects another channel', async (t) => {
    const ada = await signIn(example, 'ada')
    for (const user of ['*', '', 'a:b', 'ADA', 'x'.repeat(21)]) {
      t.equal((await example.post('/sign-in', {}, { user })).status, 400)
      t.equal((await example.post('/messages', ada, { to: user, text: 'x' })).status, 400)
    }
  })

  await t.test('no page of another origin may read a stream', async (t) => {
    const reader = await example.open({ ...await signIn(example, 'ada'), origin: 'https://elsewhere.example' })
    t.notOk(reader.answers[0]!.headers['access-control-allow-origin'])
    reader.socket.destroy()
  })

  await t.test('the example serves its page', async (t) => {
    for (const path of ['/', '/page.js', '/post.js', '/stream.js']) t.equal((await fetch(example.page + path)).status, 200, path)
  })

  await t.test('SIGTERM ends the example cleanly, with open streams', async (t) => {
    const reader = await example.open(await signIn(example, 'ada'))
    t.strictSame(await example.stop('SIGTERM'), CLEAN)
    await reader.sees(({ answers: [answer] }) => answer?.complete === true)
  })
})

t.test('a stream ends with its session', async (t) => {
  const example = await Example.start(t, 'session', { SESSION_LIFETIME: '2' })
  const ada = await signIn(example, 'ada')
  t.match(await endOf(await example.open(ada)), { event: 'sse.open' })
  t.equal((await example.refused(ada)).status, 401)
  t.strictSame(await example.stop('SIGINT'), CLEAN)
})
