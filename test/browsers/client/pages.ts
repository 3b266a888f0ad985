import Fastify from 'fastify'
import type { Test } from 'tap'
import { portOf } from '../../../demo/origins.ts'
import ssePlugin from '../../../plugin.ts'
import type { Browser, Tab } from '../browsers.ts'

/** A server of pages that read streams of other origins, with its own client. */
export interface Pages {
  readonly origin: string
  /** Opens a page that can `read`. */
  open (browser: Pick<Browser, 'open'>): Promise<Tab>
}

// `read(name, url, options, events)` records events, statuses and errors in `readers[name]`. Also runs in workers.
const READING = `
  import { connect } from '/sse/client.js'
  globalThis.connect = connect
  globalThis.readers = {}
  globalThis.read = (name, url, options = {}, events = ['message']) => {
    const reader = readers[name] = { numbers: [], told: [], gaps: [], opens: 0, states: [], errors: [] }
    const stream = reader.stream = connect(url, { backoff: { base: 200, cap: 1000 }, onError: (error) => reader.errors.push(String(error)), ...options })
    stream.onStatus((status) => reader.states.push(status))
    stream.on('sse.open', () => { reader.opens++ })
    stream.on('sse.gap', ({ reason }) => { reader.gaps.push([reason, reader.numbers.length]) })
    for (const event of events) {
      stream.on(event, (payload, { id }) => {
        reader.told.push([event, payload, id])
        if (event === 'message') reader.numbers.push(payload)
      })
    }
    return reader.stream.status
  }
`

// Records the greatest number of EventSources open together, for each URL without its query.
const COUNTING = `
  globalThis.most = {}
  const sources = []
  globalThis.EventSource &&= class extends EventSource {
    constructor (url, options) {
      super(url, options)
      const place = url.split('?')[0]
      sources.push([place, new WeakRef(this)])
      const live = sources.filter(([at, source]) => at === place && (source.deref()?.readyState ?? 2) !== 2).length
      most[place] = Math.max(most[place] ?? 0, live)
    }
  }
`

/** A page that reads with the client of its own server. */
export const PAGE = `<!doctype html><title>reader</title><link rel="icon" href="data:,"><script type="module">
  ${COUNTING} ${READING}
  addEventListener('pageshow', ({ persisted }) => { globalThis.persisted = persisted })
  globalThis.ready = true
</script>`

// A dedicated or shared worker: it obeys `read` and `close`, and responds to each command with its state.
const WORKER = `
  ${READING}
  const serve = (port) => {
    port.onmessage = ({ data: [command, ...args] }) => {
      if (command === 'read') read('one', ...args)
      if (command === 'close') readers.one.stream.close()
      port.postMessage({ ...readers.one, stream: readers.one.stream.status })
    }
  }
  if ('onconnect' in globalThis) onconnect = ({ ports: [port] }) => serve(port)
  else serve(globalThis)
`

export async function startPages (t: Test): Promise<Pages> {
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(ssePlugin, { path: false })
  app.get('/reader', async (_request, reply) => reply.type('text/html').send(PAGE))
  app.get('/elsewhere', async (_request, reply) => reply.type('text/html').send('<!doctype html><title>elsewhere</title><link rel="icon" href="data:,">'))
  app.get('/worker.js', async (_request, reply) => reply.type('text/javascript').send(WORKER))
  await app.listen({ host: 'localhost', port: 0 })
  const origin = `http://localhost:${portOf(app)}`
  return {
    origin,
    open: async (browser) => {
      const tab = await browser.open(`${origin}/reader`)
      await tab.until('globalThis.ready')
      return tab
    }
  }
}

/** The transports, and the options that select them. */
export const TRANSPORTS = [
  { transport: 'EventSource', options: '{}' },
  { transport: 'fetch', options: '{ headers: {} }' }
] as const
