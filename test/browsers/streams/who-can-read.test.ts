import cookie from '@fastify/cookie'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../../plugin.ts'
import { forEachBrowser } from '../browsers.ts'
import { listen } from '../../flows/raw-reader.ts'

// The table in docs/security.md, in real browsers: `localhost` and `127.0.0.1` are two sites, and two ports are two origins of one site.

const ELSEWHERE = 'https://elsewhere.example'
const COOKIES = ['bare=1', 'lax=1; SameSite=Lax', 'strict=1; SameSite=Strict', 'none=1; SameSite=None; Secure']

type Setting = 'default' | 'a list without it' | 'a list with it' | 'a list with it, and credentials' | 'false'

interface Opened {
  readonly setting: Setting
  readonly site: string | undefined
  readonly cookies: string[]
}

function corsOf (setting: Setting, pages: string[]): SsePluginOptions['cors'] {
  if (setting === 'a list without it') return { origin: [ELSEWHERE] }
  if (setting === 'a list with it') return { origin: [ELSEWHERE, ...pages] }
  if (setting === 'a list with it, and credentials') return { origin: [ELSEWHERE, ...pages], credentials: true }
  return setting === 'false' ? false : undefined
}

const SETTINGS: Setting[] = ['default', 'a list without it', 'a list with it', 'a list with it, and credentials', 'false']

function servePage (app: FastifyInstance): void {
  app.get('/', async (_request, reply) => reply.type('text/html').header('set-cookie', COOKIES).send('<!doctype html><title>A page</title>'))
}

await t.test('`cors` decides which pages can read a stream', async (t) => {
  const pages = Fastify({ forceCloseConnections: true })
  servePage(pages)
  const pagesPort = await listen(t, pages)
  const sameSite = `http://127.0.0.1:${pagesPort}`
  const otherSite = `http://localhost:${pagesPort}`

  const opened: Opened[] = []
  const app = Fastify({ forceCloseConnections: true })
  await app.register(cookie)
  servePage(app)
  for (const [index, setting] of SETTINGS.entries()) {
    const cors = corsOf(setting, [sameSite, otherSite])
    await app.register(async (scope) => {
      await scope.register(ssePlugin, {
        ...(cors !== undefined && { cors }),
        onSubscribe (subscriber, request) {
          opened.push({ setting, site: request.headers['sec-fetch-site'] as string, cookies: Object.keys(request.cookies) })
          void subscriber.send('message', 'read')
        }
      })
    }, { prefix: `/${index}` })
  }
  const origin = `http://127.0.0.1:${await listen(t, app)}`

  await forEachBrowser(t, async (t, browser) => {
    const tab = await browser.open(origin)
    const outcome = (setting: Setting, withCredentials: boolean): Promise<string> => tab.evaluate(`new Promise((resolve) => {
      const source = new EventSource('${origin}/${SETTINGS.indexOf(setting)}/events', { withCredentials: ${withCredentials} })
      const end = (outcome) => { source.close(); resolve(outcome) }
      source.onmessage = ({ data }) => end(data)
      source.onerror = () => end('refused')
    })`)

    for (const [place, page, site] of [['the same origin', origin, 'same-origin'], ['another origin of the same site', sameSite, 'same-site'],
      ['another site', otherSite, 'cross-site']] as const) {
      await t.test(`a page of ${place}`, async (t) => {
        await tab.goto(page)
        for (const setting of SETTINGS) {
          for (const withCredentials of [false, true]) {
            const allowed = withCredentials ? setting.endsWith('credentials') : setting === 'default' || setting.startsWith('a list with it')
            const before = opened.length
            t.equal(await outcome(setting, withCredentials), site === 'same-origin' || allowed ? 'read' : 'refused', `${setting}, ${withCredentials ? 'with' : 'without'} credentials`)
            const cookies = site === 'same-origin' || (site === 'same-site' && withCredentials) ? ['bare', 'lax', 'none', 'strict'] : []
            const { cookies: came, ...stream } = opened[before]!
            t.strictSame(came.sort(), cookies, 'cookies')
            t.strictSame(stream, { setting, site }, 'the stream opened and took a place, read or refused')
          }
        }
      })
    }
    await tab.close()
  })
})
