import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import { portOf } from '../../../demo/origins.ts'
import ssePlugin from '../../../plugin.ts'
import { forEachBrowser, type Browser, type Tab } from '../browsers.ts'
import { gate, type Gate } from '../../flows/raw-reader.ts'
import { holds } from '../holds.ts'

// No heartbeat, because it would flush bytes that the compressor holds back.
const OPTIONS = { compress: { minBytes: 100 }, heartbeatInterval: false, reconnectionTime: 100 } as const

const CLOSED = 'source.readyState === EventSource.CLOSED'

// Each page records the type, leading number, length and ID of every event.
const PAGES = {
  source: `<!doctype html><title>compressed</title><script>
  const told = []
  let opens = 0
  const tell = ({ type, data, lastEventId }) => told.push([type, parseInt(data), data.length, lastEventId])
  const source = new EventSource('/events')
  source.onmessage = tell
  source.addEventListener('named', tell)
  source.addEventListener('sse.open', () => { opens++ })
  source.addEventListener('sse.gap', tell)
</script>`,
  fetch: `<!doctype html><title>compressed</title><script>
  let text = ''
  let coding
  let ended = false
  const read = async () => {
    const response = await fetch('/events')
    coding = response.headers.get('content-encoding')
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { value, done } = await reader.read()
      if (done) break
      text += value
    }
    ended = true
  }
  read().catch((error) => { ended = String(error) })
</script>`
}

interface Asked { readonly lastEventId: string | undefined, readonly raw: FastifyReply['raw'] }

interface Journey {
  readonly app: FastifyInstance
  /** The requests for a stream, in order. */
  readonly asked: Asked[]
  /** Creates a gate at which later requests for a stream wait. */
  readonly admit: () => Gate
  readonly tab: Tab
}

async function start (t: Test, browser: Browser, page: keyof typeof PAGES): Promise<Journey> {
  const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
  t.teardown(() => app.close())
  const asked: Asked[] = []
  let admission: Gate | undefined
  app.addHook('onRequest', async ({ url, headers }, { raw }) => {
    if (!url.startsWith('/events')) return
    asked.push({ lastEventId: headers['last-event-id'] as string | undefined, raw })
    await admission?.passed
  })
  await app.register(ssePlugin, OPTIONS)
  app.get('/page', async (_request, reply) => reply.type('text/html').send(PAGES[page]))
  await app.listen({ host: 'localhost', port: 0 })
  const tab = await browser.open(`http://localhost:${portOf(app)}/page`)
  await holds(() => app.sse.count() === 1, 'a stream is open')
  const admit = (): Gate => {
    admission = gate()
    return admission
  }
  return { app, asked, admit, tab }
}

/** The Content-Encoding that the server set on a response. */
const codingOf = ({ raw }: Asked): unknown => raw.getHeader('content-encoding')

const SIZES = [20, 3000, 99, 300_000, 20]

/** A payload of `length` characters that begins with `number`. */
const payloadOf = (number: number, length: number): string => `${number} ${'the same again, '.repeat(length / 16 + 1)}`.slice(0, length)

await forEachBrowser(t, async (t, browser) => {
  await t.test('a native EventSource receives each event of a compressed stream immediately, resumes after a cut, and stays closed after a final disconnect', async (t) => {
    const { app, asked, admit, tab } = await start(t, browser, 'source')
    await tab.until('opens === 1')
    const expected: unknown[] = []
    const broadcast = async (length: number): Promise<void> => {
      const number = expected.length
      const type = number % 2 === 0 ? 'message' : 'named'
      const { id } = await app.sse.broadcast(type, payloadOf(number, length))
      expected.push([type, number, length, id])
    }
    for (const length of SIZES) {
      await broadcast(length)
      await tab.until(`told.length === ${expected.length}`)
    }
    t.strictSame(await tab.evaluate('told'), expected)

    const before = await app.sse.lastEventId
    const { open } = admit()
    asked[0]!.raw.socket!.destroy()
    await holds(() => app.sse.count() === 0, 'its stream was cut')
    for (const length of SIZES) await broadcast(length)
    open()
    await tab.until(`told.length === ${expected.length}`)
    await broadcast(20)
    await tab.until(`told.length === ${expected.length}`)
    t.strictSame(await tab.evaluate('told'), expected)
    t.strictSame(asked.map(({ lastEventId }) => lastEventId), [undefined, before])

    await app.sse.disconnect(() => true, { final: true })
    await tab.until(CLOSED)
    t.strictSame(asked.map(({ lastEventId }) => lastEventId), [undefined, before, 'sse.final'])
    t.strictSame(asked.map(codingOf), ['gzip', 'gzip', undefined])
    await tab.close()
  })

  await t.test('a native EventSource reconnects after its compressed stream ends cleanly, and misses no event', async (t) => {
    const { app, asked, tab } = await start(t, browser, 'source')
    await tab.until('opens === 1')
    for (let visit = 1; visit <= 3; visit++) {
      for (let n = 0; n < 20; n++) void app.sse.broadcast('message', payloadOf(20 * (visit - 1) + n, 1000))
      for (const subscriber of app.sse.subscribers()) subscriber.close()
      await tab.until(`opens === ${visit + 1}`)
    }
    await tab.until('told.length === 60')
    t.strictSame(await tab.evaluate('told.map(([, number]) => number)'), Array.from({ length: 60 }, (_, n) => n))
    t.strictSame(asked.map(codingOf), Array(4).fill('gzip'))
    await tab.close()
  })

  await t.test('a page that reads a compressed stream with `fetch` receives each event immediately and decompressed, and then a clean end', async (t) => {
    const { app, asked, tab } = await start(t, browser, 'fetch')
    await tab.until('text.includes("sse.open")')
    for (const [n, length] of SIZES.entries()) {
      const payload = payloadOf(n, length)
      await app.sse.broadcast('message', payload)
      await tab.until(`text.endsWith(${JSON.stringify(`${payload.slice(-100)}\n\n`)}) && text.split('data: ').length === ${n + 3}`)
    }
    for (const subscriber of app.sse.subscribers()) {
      await subscriber.send('message', 'for it alone')
      subscriber.close()
    }
    await tab.until('ended')
    t.equal(await tab.evaluate('ended'), true)
    t.match(await tab.evaluate('text.slice(-21)'), 'data: for it alone\n\n')
    const lengths = await tab.evaluate<number[]>('text.split("data: ").slice(2, -1).map((event) => event.indexOf("\\n"))')
    t.strictSame(lengths, SIZES)
    t.strictSame(asked.map(codingOf), ['gzip'])
    await tab.close()
  })
})
