import t from 'tap'
import { forEachBrowser } from '../../browsers.ts'
import { holds } from '../../holds.ts'
import { startPages, TRANSPORTS } from '../pages.ts'
import { numbers, startStreams } from '../streams.ts'

const WORKERS = [
  { kind: 'a dedicated worker', port: "new Worker('/worker.js', { type: 'module' })" },
  { kind: 'a shared worker', port: "new SharedWorker('/worker.js', { type: 'module', name: String(Math.random()) }).port" }
]

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)

  for (const { kind, port } of WORKERS) {
    for (const { transport, options } of TRANSPORTS) {
      await t.test(`${kind} reads by ${transport}, reconnects, and misses no event`, async (t) => {
        const streams = await startStreams(t)
        const tab = await pages.open(browser)
        await tab.evaluate(`(() => {
          const port = ${port}
          globalThis.ask = (...command) => new Promise((resolve) => {
            port.onmessage = ({ data }) => resolve(data)
            port.postMessage(command)
          })
        })()`)
        await tab.evaluate(`ask('read', '${streams.url}', ${options})`)
        await tab.until("ask('look').then(({ opens }) => opens === 1)")
        await streams.next()
        await tab.until("ask('look').then(({ numbers }) => numbers.length === 1)")
        await streams.app.sse.disconnect(() => true)
        await streams.next()
        await tab.until("ask('look').then(({ numbers }) => numbers.length === 2)")
        t.strictSame(await tab.evaluate("ask('look').then(({ numbers, gaps, errors, stream }) => [numbers, gaps, errors, stream])"), [numbers(2), [], [], { state: 'open' }])
        t.equal(streams.app.sse.count(), 1)
        t.strictSame(await tab.evaluate("ask('close').then(({ stream }) => stream)"), { state: 'closed', reason: 'closed' })
        await holds(() => streams.app.sse.count() === 0, 'the worker has left')
        await tab.close()
      })
    }
  }
}, { atOnce: true })
