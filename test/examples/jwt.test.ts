import t from 'tap'
import { CLEAN, cookieOf, endOf, Example, isPlain, textsOf, type Proof } from './example.ts'

async function signIn (example: Example, user: string): Promise<Proof> {
  return cookieOf(await example.post('/sign-in', {}, { user }))
}

async function renew (example: Example, proof: Proof): Promise<Proof> {
  const response = await example.post('/renewals', proof)
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
  return cookieOf(response)
}

/** The token in the header `Authorization`, for readers that can set headers. */
const bearer = ({ cookie = '' }: Proof): Proof => ({ authorization: `Bearer ${cookie.replace('token=', '')}` })

t.test('the example `jwt`', async (t) => {
  const example = await Example.start(t, 'jwt')

  await t.test('a request without a valid token gets a JSON response with 400 or 401 and is not counted', async (t) => {
    const ada = await signIn(example, 'ada')
    const [head, claims, signature] = ada.cookie!.slice('token='.length).split('.')
    const other = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims!, 'base64url').toString()), sub: 'bob' })).toString('base64url')
    const unsigned = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
    for (const token of ['', 'x', `${head}.${claims}.`, `${head}.${other}.${signature}`, `${unsigned}.${claims}.`]) {
      for (const proof of [{ cookie: `token=${token}` }, bearer({ cookie: token })]) {
        const answer = await example.refused(proof)
        t.match(answer.status, /^40[01]$/, JSON.stringify(proof))
        t.ok(isPlain(answer))
      }
    }
    t.equal((await example.refused({})).status, 401)
    t.equal(await example.say(ada, 'is anybody there?'), 0)
  })

  await t.test('a token opens a stream, as a cookie or in the header `Authorization`', async (t) => {
    const ada = await signIn(example, 'ada')
    const bob = await signIn(example, 'bob')
    const readers = [await example.open(ada), await example.open(bearer(ada)), await example.open(bob)]
    t.equal(await example.say(bob, 'for all'), 3)
    t.equal(await example.say(bearer(bob), 'for ada', 'ada'), 2)
    t.equal(await example.say(ada, 'for bob', 'bob'), 1)
    for (const reader of readers) await reader.seesEvents(undefined, 2)
    t.strictSame(readers.map(textsOf), [['for all', 'for ada'], ['for all', 'for ada'], ['for all', 'for bob']])
    for (const { socket } of readers) socket.destroy()
  })

  await t.test('the cookie of the token is sent to its own site only and hidden from scripts', async (t) => {
    const [cookie = ''] = (await example.post('/sign-in', {}, { user: 'ada' })).headers.getSetCookie()
    for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/', 'Max-Age=300']) t.match(cookie, `; ${part}`)
  })

  await t.test('signing out revokes the token: its streams and those of earlier tokens end with `sse.close`, and no others', async (t) => {
    const first = await signIn(example, 'dan')
    const here = [await example.open(first)]
    const renewed = await renew(example, first)
    here.push(await example.open(renewed))
    const elsewhere = await example.open(await signIn(example, 'dan'))
    t.equal((await example.post('/sign-out', renewed)).status, 204)
    for (const reader of here) t.strictSame(await endOf(reader), { event: 'sse.close', data: '{"reason":"revoked"}' })
    for (const proof of [first, renewed, { ...renewed, 'last-event-id': 'sse.final' }]) {
      const answer = await example.refused(proof)
      t.equal(answer.status, 401)
      t.match(answer.body, 'FST_JWT_AUTHORIZATION_TOKEN_UNTRUSTED')
    }
    t.equal((await example.post('/renewals', first)).status, 401)
    t.equal(await example.say(await signIn(example, 'bob'), 'still there', 'dan'), 1)
    await elsewhere.seesEvents(undefined)
    elsewhere.socket.destroy()
  })

  await t.test('SIGTERM ends the example cleanly, with open streams', async (t) => {
    const reader = await example.open(await signIn(example, 'ada'))
    t.strictSame(await example.stop('SIGTERM'), CLEAN)
    await reader.sees(({ answers: [answer] }) => answer?.complete === true)
  })
})

t.test('a stream ends when its token expires, and its reader resumes with a renewed token and misses nothing', async (t) => {
  const example = await Example.start(t, 'jwt', { TOKEN_LIFETIME: '4' })
  const bob = await signIn(example, 'bob')
  const first = await signIn(example, 'ada')
  const before = await example.open(first)
  await example.say(bob, 'heard', 'ada')
  const lastEventId = (await before.seesEvents(undefined)).events.at(-1)!.id!
  let renewed = first
  while (before.answers[0]?.complete !== true) {
    await new Promise((resolve) => setTimeout(resolve, 250))
    renewed = await renew(example, renewed)
  }
  t.match(await endOf(before), { data: /heard/ }, 'renewals do not prolong the stream')
  t.equal((await example.refused(first)).status, 401)

  await example.say(await signIn(example, 'bob'), 'missed', 'ada')
  const after = await example.open({ ...renewed, 'last-event-id': lastEventId })
  t.strictSame(textsOf(await after.seesEvents(undefined)), ['missed'])
  t.notOk(after.events.some(({ event }) => event === 'sse.gap'))
  await endOf(after)
  t.equal((await example.refused({ ...renewed, 'last-event-id': lastEventId })).status, 401, 'the token was not renewed again')
  t.strictSame(await example.stop('SIGINT'), CLEAN)
})
