import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { forEachBrowser } from '../../browsers.ts'
import { BUNDLERS, type Bundle } from './bundlers.ts'
import { sideBySide } from '../side-by-side.ts'
import { numbers, startStreams } from '../streams.ts'

const MAIN = `
  import { connect } from 'fastify-typed-sse/client'
  globalThis.read = (url, options) => {
    const reader = globalThis.reader = { states: [], numbers: [], errors: [] }
    reader.stream = connect(url, { backoff: { base: 100, cap: 300 }, onError: (error) => reader.errors.push(String(error)), ...options })
    reader.stream.onStatus(({ state }) => reader.states.push(state))
    reader.stream.on('message', (number) => reader.numbers.push(number))
  }
`
const PAGE = '<!doctype html><title>bundled</title><link rel="icon" href="data:,"><script type="module" src="/main.js"></script>'

/** Serves the output of a bundler; cuts every connection while `isDown` is true. */
async function serve (t: Test, bundle: Bundle) {
  const folder = t.testdir({ 'main.js': MAIN })
  await bundle(folder)
  const site = { origin: '', asked: [] as string[], isDown: false, main: readFileSync(join(folder, 'out/main.js'), 'utf8') }
  const server = createServer(({ url, socket }, response) => {
    const { pathname } = new URL(url!, 'http://localhost')
    site.asked.push(pathname)
    if (site.isDown) socket.destroy()
    else if (pathname === '/') response.setHeader('content-type', 'text/html').end(PAGE)
    else response.setHeader('content-type', 'text/javascript').end(readFileSync(join(folder, 'out', pathname)))
  }).listen(0, 'localhost')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  site.origin = `http://localhost:${(server.address() as AddressInfo).port}`
  return site
}

await forEachBrowser(t, async (t, browser) => {
  await sideBySide(t, Object.entries(BUNDLERS).map(([name, bundle]) => [`a page built by ${name} loads the transport and sharing on demand, and retries a failed load`, async (t) => {
    const site = await serve(t, bundle)
    const streams = await startStreams(t)
    const tab = await browser.open(site.origin)
    await tab.until('typeof read === "function"')
    t.strictSame(site.asked, ['/', '/main.js'], 'neither the fetch transport nor sharing is loaded yet')
    t.notMatch(site.main, /getReader|postMessage|data:text\/javascript/)

    site.isDown = true
    await tab.evaluate(`read('${streams.url}', { headers: {} })`)
    await tab.until('reader.errors.length > 1')
    const failed = site.asked.length
    site.isDown = false
    await tab.until('reader.states.includes("open")')
    await streams.next()
    await tab.until('reader.numbers.length === 1')
    t.strictSame(await tab.evaluate('reader.numbers'), numbers(1), 'a module that failed to load is loaded later')
    t.equal(new Set(site.asked.slice(2)).size, 1, 'under one URL')
    t.ok(failed > 2)
    await tab.evaluate('reader.stream.close()')

    await tab.evaluate(`read('${streams.url}', { share: true })`)
    await tab.until('reader.states.includes("open")')
    t.equal(new Set(site.asked.slice(2)).size, 2)
    await tab.close()
  }]))
})
