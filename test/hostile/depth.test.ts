import t from 'tap'
import { defineEvents } from '../../plugin.ts'
import { LINES } from '../support/recursive-schemas.ts'
import { start } from './server.ts'

/** `{ a: { a: … {} } }`, built without recursion. */
function nested (depth: number): object {
  let payload: object = {}
  for (let level = 1; level < depth; level++) payload = { a: payload }
  return payload
}

for (const [line, T, recursive] of LINES) {
  t.test(`with a recursive union of ${line} a payload of 1,000 levels is sent whole at the first call, and 100,000 levels are rejected without harm`, async (t) => {
    const tree = recursive((Self) => T.Union([T.Object({ a: T.Optional(Self) }), T.Object({ b: T.Array(Self) })]))
    const server = await start(t, { events: defineEvents({ tree, message: T.String() }) })
    const { app } = server
    const before = app.sse.stats().events
    await app.sse.broadcast('tree', nested(1000))
    t.equal(app.sse.stats().events, before + 1)
    for (let n = 0; n < 2; n++) await t.rejects(app.sse.broadcast('tree', nested(100_000)), { code: 'FST_SSE_PAYLOAD_INVALID' })
    t.equal(app.sse.stats().events, before + 1)
    t.equal(server.logged.splice(0).length, 2)
    await server.servesOthers(t)
  })
}
