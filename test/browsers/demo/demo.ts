import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../../../demo/app.ts'
import { portOf } from '../../../demo/origins.ts'
import { buildPages } from '../../../demo/pages.ts'

/** The demo on free ports, closed at the end of the test. */
export interface Demo {
  /** The server of the event streams; each restart replaces it. */
  app: FastifyInstance
  readonly streams: string
  readonly pages: string
  /** Closes the server of the event streams. */
  stop (): Promise<void>
  /** Starts a new server of the event streams on the previous port. */
  start (): Promise<void>
}

export async function startDemo (t: Test): Promise<Demo> {
  let port = 0
  const host = 'localhost'
  const pages = await buildPages({ host, logger: false, streamsPort: () => port })
  t.teardown(() => pages.close())
  await pages.listen({ host, port: 0 })
  const pagesPort = portOf(pages)

  const open = async (): Promise<FastifyInstance> => {
    const app = await buildApp({ host, logger: false, pagesPort })
    await app.listen({ host, port })
    return app
  }
  const app = await open()
  port = portOf(app)
  const demo: Demo = {
    app,
    streams: `http://localhost:${port}`,
    pages: `http://localhost:${pagesPort}`,
    stop: () => demo.app.close(),
    start: async () => { demo.app = await open() }
  }
  t.teardown(() => demo.app.close())
  return demo
}
