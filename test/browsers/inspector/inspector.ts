import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { portOf } from '../../../demo/origins.ts'
import ssePlugin, { defineEvents, type SsePluginOptions } from '../../../plugin.ts'
import type { Browser, Tab } from '../browsers.ts'

const events = defineEvents({
  message: Type.String(),
  'order.updated': Type.Object({ id: Type.String(), total: Type.Number(), at: Type.Optional(Type.Number()) }),
  notice: { schema: Type.Any(), ephemeral: true }
})

export interface Journey {
  readonly app: FastifyInstance
  readonly origin: string
  readonly sse: ReturnType<typeof typed>
  /** Broadcasts an order. @returns The event ID. */
  readonly order: (total: number) => Promise<string>
  /** The last event ID of each stream request, in order; empty for a request without one. */
  readonly asked: string[]
}

const typed = (app: FastifyInstance) => app.sse.of(events)

export async function start (t: Test, options: Omit<SsePluginOptions, 'prefix' | 'events'> = {}, port = 0, raw = RAW): Promise<Journey> {
  const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
  t.teardown(() => app.close())
  await app.register(ssePlugin, { events, inspector: true, reconnectionTime: 100, ...options })
  const asked: string[] = []
  app.addHook<{ Querystring: { lastEventId?: string } }>('onRequest', async ({ routeOptions, headers, query }) => {
    if (routeOptions.url === '/events') asked.push(String(headers['last-event-id'] ?? query.lastEventId ?? ''))
  })
  app.get('/unauthorized', async (_request, reply) => reply.code(401).send())
  app.get('/final', async (_request, reply) => { await (await app.sse.subscribe(reply)).close({ final: true }) })
  app.get('/plain', async (_request, reply) => { await app.sse.subscribe(reply, { plain: true }) })
  app.get('/raw', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' }).write(raw)
  })
  await app.listen({ host: 'localhost', port })
  const order = async (total: number) => (await typed(app).broadcast('order.updated', { id: `o-${total}`, total })).id!
  return { app, origin: `http://localhost:${portOf(app)}`, sse: typed(app), order, asked }
}

const RAW = [
  'event: <img src=x onerror=document.title=1>\ndata: {"html":"<b>bold</b>","large":12345678901234567890,"twice":1,"twice":2}\nid: it\'s \u202e["1"]\n',
  'event: undeclared\ndata: {"not json"\ndata: second line\n',
  `data: "${'x'.repeat(1_000_000)}"\n`,
  'event: sse.heartbeat\ndata: {}\n',
  ''
].join('\n')

export async function inspect (t: Test, browser: Browser, { origin }: Journey, query = ''): Promise<Tab> {
  const tab = await browser.open(`${origin}/sse/${query}`)
  t.teardown(() => tab.close())
  return tab
}

export const text = (selector: string): string => `document.querySelector('${selector}').textContent`
export const chip = (word: string): string => `${text('#status .chip')} === '${word}'`
export const lines = '[...document.querySelectorAll("#rows .line")]'
export const cells = (name: string): string => `${lines}.map((line) => line.querySelector('.${name}')?.textContent)`
export const totals = `${lines}.flatMap((line) => /"total":(\\d+)/.exec(line.textContent)?.slice(1).map(Number) ?? [])`
export const total = (number: string): string => `${text('#total')} === '${number}'`
export const shows = (...numbers: number[]): string => `JSON.stringify(${totals}) === '${JSON.stringify(numbers)}'`
export const choose = (id: string, value: string): string => `(() => {
  const control = document.getElementById('${id}')
  control.value = '${value}'
  control.dispatchEvent(new Event('input', { bubbles: true }))
  control.dispatchEvent(new Event('change', { bubbles: true }))
})()`
export const toggle = (index: number): string => `${lines}.at(${index}).querySelector('.toggle').click()`
