import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { forEachBrowser } from '../../browsers.ts'
import { holds } from '../../holds.ts'
import { startPages, TRANSPORTS } from '../pages.ts'
import { numbers, startStreams } from '../streams.ts'

const COOKIE = 'member=7'

/** Restricts the stream to members, identified by a cookie or a token. */
async function membersOnly (app: FastifyInstance, isMember: (headers: Record<string, unknown>) => boolean): Promise<void> {
  app.addHook('preHandler', async (request, reply) => {
    if (request.url.startsWith('/events') && request.method !== 'OPTIONS' && !isMember(request.headers)) await reply.code(401).send()
  })
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)

  for (const { transport, options } of TRANSPORTS) {
    const credentials = (withCredentials: boolean): string => `{ ...${options}, withCredentials: ${withCredentials} }`

    await t.test(`by ${transport}, a page of another origin reads with its cookie if withCredentials is true, and is refused otherwise`, async (t) => {
      const streams = await startStreams(t, { cors: { origin: [pages.origin], credentials: true } }, async (app) => {
        await membersOnly(app, ({ cookie }) => String(cookie).includes(COOKIE))
        app.get('/sign-in', async (_request, reply) => reply.header('set-cookie', `${COOKIE}; Path=/; HttpOnly`).redirect(`${pages.origin}/reader`))
      })
      const profile = await browser.profile()
      const tab = await profile.open(new URL('/sign-in', streams.url).href)
      await tab.until('globalThis.ready')
      await tab.evaluate(`[read('one', '${streams.url}', ${credentials(true)}), read('stranger', '${streams.url}', ${credentials(false)})]`)
      await tab.until('readers.one.opens === 1')
      await tab.until('readers.stranger.stream.status.state === "closed"')
      t.strictSame(await tab.evaluate('readers.stranger.stream.status'), { state: 'closed', reason: 'gone', httpStatus: 401 })
      await streams.next()
      await tab.until('readers.one.numbers.length === 1')
      await streams.app.sse.disconnect(() => true)
      await tab.until('readers.one.opens === 2')
      await streams.next()
      await tab.until('readers.one.numbers.length === 2')
      t.strictSame(await tab.evaluate('[readers.one.numbers, readers.stranger.numbers, readers.one.gaps]'), [numbers(2), [], []])
      await tab.close()
    })
  }

  await t.test('an async function `headers` is called for every attempt, and its headers pass the preflight of another origin', async (t) => {
    const seen: unknown[] = []
    const streams = await startStreams(t, { cors: { origin: [pages.origin], allowedHeaders: ['authorization'] } }, async (app) => {
      await membersOnly(app, ({ authorization }) => {
        seen.push(authorization)
        return authorization !== 'Bearer 4'
      })
    })
    const tab = await pages.open(browser)
    await tab.evaluate(`(() => {
      let token = 0
      read('one', '${streams.url}', { headers: async () => {
        await new Promise((resolve) => setTimeout(resolve, 10))
        return { authorization: 'Bearer ' + ++token }
      } })
    })()`)
    for (let opens = 1; opens <= 3; opens++) {
      await tab.until(`readers.one.opens === ${opens}`)
      await streams.next()
      await tab.until(`readers.one.numbers.length === ${opens}`)
      await streams.app.sse.disconnect(() => true)
    }
    await tab.until('readers.one.stream.status.state === "closed"')
    t.strictSame(seen, ['Bearer 1', 'Bearer 2', 'Bearer 3', 'Bearer 4'])
    t.ok(streams.asked.some((asked) => asked.startsWith('OPTIONS ')), 'there was a preflight')
    t.strictSame(await tab.evaluate('[readers.one.numbers, readers.one.stream.status]'), [numbers(3), { state: 'closed', reason: 'gone', httpStatus: 401 }])
    await tab.close()
  })

  await t.test('an error of the function `headers` is reported, and the function is called again', async (t) => {
    const streams = await startStreams(t)
    const tab = await pages.open(browser)
    await tab.evaluate(`(() => {
      let asked = 0
      read('one', '${streams.url}', { headers: async () => {
        if (++asked < 3) throw new Error('no token ' + asked)
        return {}
      } })
    })()`)
    await tab.until('readers.one.opens === 1')
    t.strictSame(await tab.evaluate('readers.one.errors'), ['Error: no token 1', 'Error: no token 2'])
    t.equal(streams.asked.length, 1)
    await holds(() => streams.app.sse.count() === 1, 'one connection')
    await tab.close()
  })
}, { atOnce: true })
