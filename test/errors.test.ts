import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import t from 'tap'
import ssePlugin, { errorCodes, type ErrorCodes } from '../plugin.ts'

const codes = Object.keys(errorCodes) as Array<keyof ErrorCodes>

t.test('errorCodes has every code of the table', async (t) => {
  const table = readFileSync(resolve(import.meta.dirname, '../lib/errors.ts'), 'utf8')
  t.strictSame(codes.sort(), [...table.matchAll(/'(FST_SSE_\w+)'/g)].map(([, code]) => code).sort())
})

t.test('each code has the class that makes errors of this code, and of no other', async (t) => {
  for (const code of codes) {
    const error: unknown = Reflect.construct(errorCodes[code], [])
    t.ok(error instanceof Error, code)
    t.match(error, { code })
    t.strictSame(codes.filter((other) => error instanceof errorCodes[other]), [code])
  }
})

t.test('an error that the plugin throws is an instance of the class of its code', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ssePlugin, { events: { tick: Type.Number() } })
  for (const [fails, expected] of [
    [async () => Fastify().register(ssePlugin, { idleTimeout: -1 }), errorCodes.FST_SSE_OPTION_INVALID],
    [() => app.sse.broadcast('tock', 1), errorCodes.FST_SSE_EVENT_UNKNOWN],
    [() => app.sse.broadcast('tick', 'text'), errorCodes.FST_SSE_PAYLOAD_INVALID]
  ] as const) {
    const error: unknown = await fails().then(() => null, (error: unknown) => error)
    t.ok(error instanceof expected, String(error))
  }
})

t.test('the plugin carries errorCodes, for programs that require it', async (t) => {
  t.equal(ssePlugin.errorCodes, errorCodes)
})
