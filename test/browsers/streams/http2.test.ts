import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { SecureServerOptions } from 'node:http2'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { portOf } from '../../../demo/origins.ts'
import ssePlugin from '../../../plugin.ts'
import { notInstalled } from '../../support/system.ts'
import { forEachBrowser, type Browser, type Tab } from '../browsers.ts'
import { holds } from '../holds.ts'

const PAGE = '<!doctype html><title>many</title><link rel="icon" href="data:,">'
const MANY = 101

function makeKeys (t: Test): SecureServerOptions | null {
  const folder = t.testdir()
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name)) as [string, string]
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' })
  } catch {
    return null
  }
  return { key: readFileSync(key), cert: readFileSync(cert) }
}

const ASK = 'fetch("/now").then((answer) => answer.text()).then((text) => { document.title = text }); true'

/** Opens a page with 101 EventSources. */
async function openMany (t: Test, browser: Browser, https: SecureServerOptions): Promise<{ app: FastifyInstance, tab: Tab }> {
  const app = Fastify({ http2: true, https, forceCloseConnections: true } as object) as FastifyInstance
  t.teardown(() => app.close())
  await app.register(ssePlugin)
  app.get('/', async (_request, reply) => reply.type('text/html').send(PAGE))
  app.get('/now', async () => 'now')
  await app.listen({ host: 'localhost', port: 0 })
  const tab = await browser.open(`https://localhost:${portOf(app)}/`)
  t.teardown(() => tab.close())
  await tab.evaluate(`globalThis.streams = Array.from({ length: ${MANY} }, (_, n) => new EventSource('/events?' + n)); true`)
  return { app, tab }
}

const keys = makeKeys(t)

if (keys === null) t.test('HTTP/2', { skip: notInstalled('openssl') }, () => {})
else {
  await forEachBrowser(t, async (t, browser) => {
    await t.test('over HTTP/2 with Node\'s default settings, 100 open streams block the next stream and every other request until some close', async (t) => {
      const { app, tab } = await openMany(t, browser, keys)
      await holds(() => app.sse.count() === 100, 'one hundred streams')
      await tab.evaluate(ASK)
      for (let look = 0; look < 10; look++) t.strictSame([app.sse.count(), await tab.evaluate('document.title')], [100, 'many'])
      await tab.evaluate('streams.slice(0, 2).forEach((stream) => stream.close())')
      await tab.until('document.title === "now"')
      await holds(() => app.sse.count() === MANY - 2, 'the waiting stream is open')
    })

    await t.test('`maxConcurrentStreams: 1000` lets 101 streams and another request through', async (t) => {
      const { app, tab } = await openMany(t, browser, { ...keys, settings: { maxConcurrentStreams: 1000 } })
      await holds(() => app.sse.count() === MANY, 'all streams')
      await tab.evaluate(ASK)
      await tab.until('document.title === "now"')
    })
  })
}
