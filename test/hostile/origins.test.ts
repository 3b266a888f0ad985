import t from 'tap'
import { ask, start, type Options } from './server.ts'

const GOOD = 'https://good.example'
const ALSO = 'http://also.example:8080'

/** Origins that a browser, or a program that imitates one, might send. */
const origins = [
  GOOD, ALSO, 'null', '', 'undefined', '*', 'true', 'https://good.example.evil.example', 'https://evilgood.example', 'https://evil.example/https://good.example',
  'https://good.example:443', 'https://good.example:8443', 'http://good.example', 'HTTPS://GOOD.EXAMPLE', 'https://Good.Example', 'https://good.example/', 'https://good.example.',
  'https://user:secret@good.example', 'https://good.example@evil.example', 'https://goodXexample', 'https://good.example%00.evil.example', 'https://good.example,https://evil.example',
  'https://good.example https://evil.example', 'https://xn--good-.example', 'https://g\xf6\xf6d.example', 'https://sub.good.example', 'good.example', 'file://', 'https://',
  'http://also.example', 'http://also.example:80', '__proto__', `https://${'x'.repeat(8000)}.example`
]

interface Case {
  readonly title: string
  readonly cors: Exclude<Options['cors'], false | undefined>
  /** The single origin that a response allows; undefined for none. */
  allowed (origin: string): string | undefined
}

const only = (...list: string[]) => (origin: string): string | undefined => list.includes(origin) ? origin : undefined

const cases: Case[] = [
  { title: 'a list', cors: { origin: [GOOD, ALSO] }, allowed: only(GOOD, ALSO) },
  { title: 'a list with credentials', cors: { origin: [GOOD, ALSO], credentials: true }, allowed: only(GOOD, ALSO) },
  { title: 'a list that names null', cors: { origin: ['null'] }, allowed: only('null') },
  { title: 'an empty list', cors: { origin: [] }, allowed: () => undefined },
  { title: 'a regular expression', cors: { origin: /^https:\/\/(?:sub\.)?good\.example$/ }, allowed: only(GOOD, 'https://sub.good.example') },
  // A regular expression that keeps its `lastIndex` would match only every second request.
  { title: 'a regular expression with g and y', cors: { origin: /^https:\/\/good\.example$/gy }, allowed: only(GOOD) },
  { title: 'a list of a string and a regular expression, with credentials', cors: { origin: [ALSO, /^https:\/\/good\.example$/], credentials: true }, allowed: only(GOOD, ALSO) },
  { title: 'one origin as a string', cors: { origin: GOOD }, allowed: () => GOOD },
  { title: 'one origin as a string with credentials', cors: { origin: GOOD, credentials: true }, allowed: () => GOOD },
  { title: 'an asynchronous function', cors: { origin: async (origin: string | undefined) => origin === GOOD ? GOOD : false }, allowed: only(GOOD) }
]

for (const { title, cors, allowed } of cases) {
  t.test(`with ${title} as \`cors.origin\``, async (t) => {
    const server = await start(t, { cors })
    const { port } = server
    const withCredentials = cors.credentials === true

    t.test('a response allows exactly one origin or none, whatever origin the request claims', async (t) => {
      for (const origin of [...origins, ...origins.slice(0, 3)]) {
        const expected = allowed(origin)
        const { status, headers } = await ask(t, port, 'GET /events HTTP/1.1', 'host: localhost', `origin: ${origin}`)
        t.equal(status, 200)
        t.strictSame(headers['access-control-allow-origin'], expected === undefined ? undefined : [expected], JSON.stringify(origin.slice(0, 60)))
        if (headers['access-control-allow-credentials'] !== undefined) t.ok(withCredentials)
        if (withCredentials && expected !== undefined) t.strictSame(headers['access-control-allow-credentials'], ['true'])
        // A cache must not reuse the response to one origin for another.
        t.match(headers.vary?.join(), 'Origin')
      }
    })

    t.test('a preflight response allows exactly that origin or none', async (t) => {
      for (const origin of origins.filter((origin) => origin !== '')) {
        const expected = allowed(origin)
        const { status, headers, body } = await ask(t, port, 'OPTIONS /events HTTP/1.1', 'host: localhost', `origin: ${origin}`, 'access-control-request-method: DELETE',
          'access-control-request-headers: last-event-id, x-evil')
        t.strictSame(headers['access-control-allow-origin'], expected === undefined ? undefined : [expected], JSON.stringify(origin.slice(0, 60)))
        // @fastify/cors ignores a preflight that a function refuses.
        if (status !== 404) t.strictSame([status, body, headers['access-control-allow-methods']], [204, '', ['GET,HEAD']])
        else t.equal(typeof cors.origin, 'function')
      }
    })

    t.test('several `Origin` headers never count as one of them', async (t) => {
      for (const pair of [[GOOD, 'https://evil.example'], ['https://evil.example', GOOD], [GOOD, GOOD]]) {
        const { status, headers } = await ask(t, port, 'GET /events HTTP/1.1', 'host: localhost', ...pair.map((origin) => `origin: ${origin}`))
        t.equal(status, 200)
        const expected = allowed(pair.join(', '))
        t.strictSame(headers['access-control-allow-origin'], expected === undefined ? undefined : [expected], pair.join())
      }
    })

    t.test('a refusal, HEAD, 204 and a gap allow exactly the origin that a stream allows', async (t) => {
      for (const origin of [GOOD, 'https://evil.example', 'null', 'https://good.example.evil.example']) {
        const expected = allowed(origin)
        for (const [line, ...lines] of [['GET /events', 'accept: text/html'], ['HEAD /events'], ['GET /events?lastEventId=sse.final'], ['GET /events?lastEventId=x']]) {
          // HEAD has no body for `ask` to wait for.
          const request = [`${line} HTTP/1.1`, 'host: localhost', 'connection: close', `origin: ${origin}`, ...lines]
          const { headers } = await ask(t, port, ...request)
          t.strictSame(headers['access-control-allow-origin'], expected === undefined ? undefined : [expected], `${line} from ${origin}`)
          t.strictSame(headers['access-control-expose-headers'], headers['sse-gap'] === undefined || expected === undefined ? undefined : ['sse-gap'])
        }
      }
    })

    t.test('other readers are served afterwards', (t) => server.servesOthers(t))
  })
}

t.test('a request without `Origin` is served, and its response allows no origin, except a fixed one', async (t) => {
  for (const { title, cors, allowed } of cases) {
    const { port } = await start(t, { cors })
    const { status, headers } = await ask(t, port, 'GET /events HTTP/1.1', 'host: localhost')
    t.equal(status, 200)
    // A fixed origin is sent with every response.
    const fixed = typeof cors.origin === 'string' ? allowed('') : undefined
    t.strictSame(headers['access-control-allow-origin'], fixed === undefined ? undefined : [fixed], title)
  }
})
