import { mock } from 'node:test'
import t from 'tap'
import { Tickets } from '../../examples/ticket/tickets.ts'
import { CLEAN, endOf, Example, isPlain, textsOf, type Proof } from './example.ts'

async function signIn (example: Example, user: string): Promise<Proof> {
  const { token } = await (await example.post('/sign-in', {}, { user })).json() as { token: string }
  return { authorization: `Bearer ${token}` }
}

/** Requests a ticket. @returns A URL of the stream that is valid once. */
async function entry (example: Example, proof: Proof): Promise<string> {
  const { ticket } = await (await example.post('/tickets', proof)).json() as { ticket: string }
  return `/events?ticket=${ticket}`
}

t.test('the example `ticket`', async (t) => {
  const example = await Example.start(t, 'ticket')
  const { page } = example

  await t.test('a ticket opens one stream, and its second use gets a JSON response with 401', async (t) => {
    const ada = await signIn(example, 'ada')
    const url = await entry(example, ada)
    const reader = await example.open({}, url)
    for (const used of [url, `${url}&lastEventId=${reader.events[0]!.id!}`]) {
      const answer = await example.refused({}, used)
      t.equal(answer.status, 401)
      t.ok(isPlain(answer))
    }
    t.equal(await example.say(ada, 'you alone', 'ada'), 1)
    await reader.seesEvents(undefined)
    reader.socket.destroy()
  })

  await t.test('one of two simultaneous requests with one ticket gets a stream', async (t) => {
    const url = await entry(example, await signIn(example, 'ada'))
    const readers = await Promise.all([example.ask({}, url), example.ask({}, url)])
    for (const reader of readers) await reader.sees(({ answers }) => answers.length === 1)
    t.strictSame(readers.map(({ answers: [answer] }) => answer!.status).sort(), [200, 401])
    for (const { socket } of readers) socket.destroy()
  })

  await t.test('no request without a valid ticket gets a stream, and no request without a token gets a ticket', async (t) => {
    const ada = await signIn(example, 'ada')
    for (const [proof, url] of [[{}, '/events'], [{}, '/events?ticket='], [{}, '/events?ticket=a&ticket=b'], [ada, '/events'], [ada, '/events?ticket=undefined']] as const) {
      const answer = await example.refused(proof, url)
      t.equal(answer.status, 401)
      t.ok(isPlain(answer))
    }
    for (const proof of [{}, { authorization: 'Bearer ' }, { authorization: 'Bearer guessed' }]) t.equal((await example.post('/tickets', proof)).status, 401)
  })

  await t.test('a reader resumes with a new ticket where it stopped', async (t) => {
    const ada = await signIn(example, 'ada')
    const bob = await signIn(example, 'bob')
    const before = await example.open({}, await entry(example, bob))
    await example.say(ada, 'heard')
    const lastEventId = (await before.seesEvents(undefined)).events.at(-1)!.id!
    before.socket.destroy()
    await example.say(ada, 'secret', 'ada')
    await example.say(ada, 'missed', 'bob')
    const after = await example.open({}, `${await entry(example, bob)}&lastEventId=${lastEventId}`)
    t.strictSame(textsOf(await after.seesEvents(undefined)), ['missed'])
    after.socket.destroy()
  })

  await t.test('signing out ends the streams with `sse.close` and invalidates tickets and token', async (t) => {
    const ada = await signIn(example, 'ada')
    const reader = await example.open({}, await entry(example, ada))
    const unused = await entry(example, ada)
    t.equal((await example.post('/sign-out', ada)).status, 204)
    t.strictSame(await endOf(reader), { event: 'sse.close', data: '{"reason":"revoked"}' })
    t.equal((await example.refused({}, unused)).status, 401)
    t.equal((await example.post('/tickets', ada)).status, 401)
  })

  await t.test('only the origin of the page may read the stream and request tickets', async (t) => {
    const ada = await signIn(example, 'ada')
    const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
    for (const [origin, allowed] of [[page, page], ['https://elsewhere.example', undefined]] as const) {
      const reader = await example.open({ origin }, await entry(example, ada))
      t.equal(reader.answers[0]!.headers['access-control-allow-origin']?.[0], allowed)
      reader.socket.destroy()
      const response = await fetch(`${example.origin}/tickets`, { method: 'OPTIONS', headers: { origin, ...preflight } })
      t.equal(response.headers.get('access-control-allow-origin') ?? undefined, allowed)
    }
  })

  await t.test('the page may connect to its own origin and to the API only', async (t) => {
    t.not(page, example.origin)
    const response = await fetch(page)
    t.match(response.headers.get('content-security-policy'), `connect-src 'self' ${example.origin}`)
    t.strictSame(await (await fetch(`${page}/config.json`)).json(), { api: example.origin })
    for (const path of ['/page.js', '/post.js', '/stream.js']) t.equal((await fetch(page + path)).status, 200)
  })

  await t.test('the log holds no ticket and no token', async (t) => {
    const ada = await signIn(example, 'ada')
    const secrets = [ada.authorization!.slice('Bearer '.length)]
    for (const [path, status] of [['/events?', 200], ['/events?', 401], ['/evnts?', 404], ['/events?%74icket=&', 401], ['/events/%zz?', 400], ['//events?', 404]] as const) {
      const [, ticket = ''] = (await entry(example, ada)).split('ticket=')
      secrets.push(ticket)
      const reader = await example.ask(ada, `${path}ticket=${status === 401 ? `x${ticket}` : ticket}`)
      await reader.sees(({ answers }) => answers[0] !== undefined)
      t.equal(reader.answers[0]!.status, status, path)
      reader.socket.destroy()
    }
    t.strictSame(await example.stop('SIGTERM'), CLEAN)
    t.ok(example.printed.some((line) => line.includes('"url":"/events"')), 'the log holds the requests')
    for (const secret of secrets) t.notOk(example.printed.some((line) => line.includes(secret)))
  })
})

t.test('a stream ends after its lifetime, and a new ticket opens the next one', async (t) => {
  const example = await Example.start(t, 'ticket', { STREAM_LIFETIME: '1' })
  const ada = await signIn(example, 'ada')
  const before = await example.open({}, await entry(example, ada))
  t.match(await endOf(before), { event: 'sse.open' })
  const lastEventId = before.events[0]!.id!
  await example.say(ada, 'missed')
  const after = await example.open({}, `${await entry(example, ada)}&lastEventId=${lastEventId}`)
  t.strictSame(textsOf(await after.seesEvents(undefined)), ['missed'])
  t.strictSame(await example.stop('SIGINT'), CLEAN)
})

t.test('a ticket is valid for its lifetime and no longer', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const tickets = new Tickets<string>(30_000)
  const [early, late, never] = [tickets.issue('early'), tickets.issue('late'), tickets.issue('never')]
  t.equal(tickets.redeem(early), 'early')
  t.equal(tickets.redeem(early), undefined)
  mock.timers.tick(29_999)
  t.equal(tickets.redeem(late), 'late')
  mock.timers.tick(1)
  t.equal(tickets.redeem(never), undefined)
})
