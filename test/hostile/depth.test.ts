import t from 'tap'
import { defineEvents } from '../../plugin.ts'
import { LINES } from '../support/recursive-schemas.ts'
import { start } from './server.ts'

/** `{ a: { a: … {} } }`, built without a recursion of its own. */
function nested (depth: number): object {
  let payload: object = {}
  for (let level = 1; level < depth; level++) payload = { a: payload }
  return payload
}

for (const [line, T, recursive] of LINES) {
  t.test(`of a recursive union of ${line}, 1,000 levels go out whole at the first call, and 100,000 are refused and hurt nobody`, async (t) => {
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
