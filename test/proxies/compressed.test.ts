import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin from '../../plugin.ts'
import { CodedReader } from '../flows/coded-reader.ts'
import { listen, until } from '../flows/raw-reader.ts'
import { HTTP_1_1, passTo, skip, startNginx } from './nginx.ts'

interface Journey {
  readonly app: FastifyInstance
  /** The port of nginx. */
  readonly port: number
  /** The content coding in which each stream left the server. */
  readonly codings: unknown[]
}

async function start (t: Test, directives: readonly string[]): Promise<Journey> {
  const app = Fastify()
  const codings: unknown[] = []
  app.addHook('onRequest', async (_request, { raw }) => { raw.once('close', () => codings.push(raw.getHeader('content-encoding'))) })
  // No heartbeats: they would push out what a proxy holds back.
  await app.register(ssePlugin, { compress: { minBytes: 100 }, heartbeatInterval: false, shutdownTimeout: 0 })
  const { port } = await startNginx(t, passTo(await listen(t, app), ...directives))
  return { app, port, codings }
}

const PAYLOADS = ['short', 'the same again, '.repeat(100), '\u{1f600}'.repeat(40_000), 'x'.repeat(99), 'last']

const GZIP = 'gzip on; gzip_types text/event-stream;'
const GUNZIP = 'gunzip on; proxy_set_header Accept-Encoding gzip;'

type Case = [nginx: string, directives: string[], reader: string, accepts: string | undefined, leaves: 'gzip' | undefined, arrives: 'gzip' | undefined]

const cases: Case[] = [
  ['by default', [], 'gzip', 'gzip', 'gzip', 'gzip'],
  ['by default', [], 'no coding', undefined, undefined, undefined],
  ['that also compresses', [GZIP], 'gzip', 'gzip', 'gzip', 'gzip'],
  ['that also compresses', [GZIP], 'no coding', undefined, undefined, undefined],
  ['that requests gzip and decodes it if necessary', [GUNZIP], 'no coding', undefined, 'gzip', undefined],
  ['that requests gzip and decodes it if necessary', [GUNZIP], 'gzip', 'gzip', 'gzip', 'gzip'],
  ['that requests gzip, decodes it and compresses again', [GUNZIP, GZIP], 'no coding', undefined, 'gzip', undefined]
]

for (const [nginx, directives, reader, accepts, leaves, arrives] of cases) {
  for (const [version, ofVersion] of [['1.0', []], ['1.1', [HTTP_1_1]]] as const) {
    t.test(`nginx ${nginx}, with HTTP/${version} to the server, passes each compressed event immediately and whole to a reader that accepts ${reader}`, { skip }, async (t) => {
      const { app, port, codings } = await start(t, [...directives, ...ofVersion])
      const coded = await CodedReader.open(t, port, { accepts })
      await coded.sees(({ events }) => events.length === 1)
      for (const [n, payload] of PAYLOADS.entries()) {
        await app.sse.broadcast('message', payload)
        // The next event follows only after this one has arrived.
        t.ok((await coded.sees(({ events }) => events.length === n + 2)).heard()[n] === payload)
      }
      for (const subscriber of app.sse.subscribers()) {
        void subscriber.send('message', 'for it alone')
        subscriber.close()
      }
      await coded.seesWhole()
      t.equal(coded.heard().at(-1), 'for it alone')
      await until(() => codings.length === 1)
      t.strictSame([codings, coded.coding], [[leaves], arrives])
    })
  }
}
