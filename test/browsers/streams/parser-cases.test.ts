import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { forEachBrowser } from '../browsers.ts'
import { PARSER_CASES, RETRY_FORMS, type Heard } from './parser-cases.ts'

const BUILT = join(import.meta.dirname, '../../../browser')

// Parallel readers of each kind. A browser opens at most six connections to an origin.
const READERS = 3

/** Where a stream is cut into chunks: nowhere, after each byte, or once at a byte offset. */
type Cut = 'whole' | 'bytes' | number

// The longest stream that is cut after each byte, and the cases cut at every offset in turn. More would take long and show nothing new.
const MOST_BYTES = 150
const AT_EVERY_PLACE = ['LF, CR and CRLF may be mixed', 'a second byte order mark is text', 'characters of two, three and four bytes are decoded']

const page = `<!doctype html><meta charset="utf-8"><title>parser cases</title><link rel="icon" href="data:,"><script type="module">
  import { connect } from '/client.js'

  // Both readers report the end of a stream as a lost connection.
  const readers = {
    native: (url, types) => new Promise((resolve) => {
      const heard = []
      const source = new EventSource(url)
      for (const type of new Set(['message', 'error', ...types])) {
        source.addEventListener(type, (event) => {
          if (event.data !== undefined) return heard.push([event.type, event.data, event.lastEventId])
          if (type !== 'error') return
          source.close()
          resolve(heard)
        })
      }
    }),
    fetch: (url) => new Promise((resolve) => {
      const heard = []
      const stream = connect(url, { headers: {}, observe: ({ type, data, lastEventId }) => heard.push([type, data, lastEventId]) })
      stream.onStatus(({ state }) => {
        if (state !== 'waiting') return
        stream.close()
        resolve(heard)
      })
    })
  }

  const atOnce = async (jobs, work) => {
    const next = async () => { for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await work(job) }
    await Promise.all(Array.from({ length: ${READERS} }, next))
  }

  // Returns only the differences, so that long streams stay in the page.
  window.differing = async (reader, jobs) => {
    const faults = []
    await atOnce(jobs, async ({ url, events }) => {
      const heard = await readers[reader](url, events.map(([type]) => type))
      if (JSON.stringify(heard) !== JSON.stringify(events)) faults.push([url, JSON.stringify(heard).slice(0, 500)])
    })
    return faults
  }

  // Resolves with true if the reader reconnects soon after the end of a stream: sooner than Chromium's 3 s, the shortest default of a browser.
  const comesBackSoon = {
    native: (url) => new Promise((resolve) => {
      let opens = 0
      const source = new EventSource(url)
      const end = (soon) => { source.close(); resolve(soon) }
      source.onopen = () => { if (++opens === 2) end(true) }
      source.onerror = () => setTimeout(end, 2500, false)
    }),
    fetch: (url) => new Promise((resolve) => {
      const stream = connect(url, { headers: {}, backoff: { base: 0 } })
      stream.onStatus((status) => {
        if (status.state !== 'waiting') return
        stream.close()
        resolve(status.retryAt - Date.now() < 1500)
      })
    })
  }
  window.soon = async (reader, count) => {
    const soon = []
    await atOnce([...Array(count).keys()], async (index) => { soon[index] = await comesBackSoon[reader]('/retry/' + index + '?' + reader) })
    return soon
  }
  window.ready = true
</script>`

/** Serves the page, the built client, each case (by number, cut as the query says) and each form of the \`retry\` field. */
async function serve (t: Test): Promise<string> {
  const retries = new Map<string, number>()
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost')
    const [, first, second] = pathname.split('/')
    switch (first) {
      case 'cases': return void write(response, PARSER_CASES[Number(second)]!.wire, searchParams.get('cut')!)
      case 'retry': {
        const times = retries.get(request.url!) ?? 0
        retries.set(request.url!, times + 1)
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        // The second response stays open.
        if (times > 0) response.write(':\n')
        else response.end(`retry: 10\n${RETRY_FORMS[Number(second)]![0]}\n:\n`)
        return
      }
      case 'page': return void response.setHeader('content-type', 'text/html').end(page)
      case 'client.js':
      case 'fetch-transport.js':
      case 'refusals.js': return void response.setHeader('content-type', 'text/javascript').end(readFileSync(join(BUILT, first)))
      default: response.writeHead(404).end()
    }
  }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close().closeAllConnections() })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function write (response: ServerResponse, wire: Uint8Array, cut: string): Promise<void> {
  response.socket!.setNoDelay(true)
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  const places = cut === 'whole' ? [] : cut === 'bytes' ? wire.keys() : [Number(cut)]
  let start = 0
  for (const place of places) {
    if (place === 0) continue
    response.write(wire.subarray(start, place))
    start = place
    // Pieces sent without a pause arrive as one chunk.
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  response.end(wire.subarray(start))
}

interface Job { readonly url: string, readonly events: readonly Heard[] }

function jobsOf (index: number, browser: string): Job[] {
  const { claim, wire, events, firefox } = PARSER_CASES[index]!
  const cuts: Cut[] = ['whole']
  if (wire.length <= MOST_BYTES) cuts.push('bytes')
  if (AT_EVERY_PLACE.includes(claim)) for (let place = 1; place < wire.length; place++) cuts.push(place)
  return cuts.map((cut) => ({ url: `/cases/${index}?cut=${cut}`, events: browser === 'firefox' ? firefox ?? events : events }))
}

await forEachBrowser(t, async (t, browser) => {
  const origin = await serve(t)
  const tab = await browser.open(`${origin}/page`)
  await tab.until('window.ready')
  const differing = (reader: 'native' | 'fetch', jobs: Job[]): Promise<unknown[]> => tab.evaluate(`differing('${reader}', ${JSON.stringify(jobs)})`)

  await t.test('each case to cut at every offset exists', async (t) => {
    for (const name of AT_EVERY_PLACE) t.ok(PARSER_CASES.some(({ claim }) => claim === name), name)
  })

  for (const [index, { claim, firefox }] of PARSER_CASES.entries()) {
    await t.test(`${claim}: ${browser.name === 'firefox' && firefox !== undefined ? 'our reader reports the expected events, and Firefox deviates in the known way' : 'the native reader and ours report the expected events'}`, async (t) => {
      const [native, ours] = await Promise.all([differing('native', jobsOf(index, browser.name)), differing('fetch', jobsOf(index, 'any'))])
      t.strictSame(native, [], 'the native reader differs nowhere')
      t.strictSame(ours, [], 'our reader differs nowhere')
    })
  }

  const soon = (reader: 'native' | 'fetch'): Promise<boolean[]> => tab.evaluate(`soon('${reader}', ${RETRY_FORMS.length})`)
  const [native, ours] = await Promise.all([soon('native'), soon('fetch')])
  for (const [index, [line, isTaken, isTakenByChromium = isTaken]] of RETRY_FORMS.entries()) {
    await t.test(`${JSON.stringify(line)} ${isTaken ? 'sets' : 'does not set'} the reconnection time`, async (t) => {
      t.equal(native[index], !(browser.name === 'chromium' ? isTakenByChromium : isTaken), 'the native reader')
      t.equal(ours[index], !isTaken, 'our reader')
    })
  }
  await tab.close()
})
