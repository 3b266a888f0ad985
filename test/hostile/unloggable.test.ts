import t from 'tap'
import { start } from './server.ts'
import { TwoOpinions } from './two-opinions.ts'

// A value that application code throws becomes the cause of a logged error; a logger reads messages, stacks and causes.

function revoked (): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const boom = (): never => { throw new Error('boom') }

const thrown: Array<[title: string, create: () => unknown]> = [
  ['a revoked proxy', revoked],
  ['an error whose stack throws', () => Object.defineProperty(new Error('x'), 'stack', { get: boom })],
  ['an object whose message throws', () => ({ get message () { return boom() } })],
  ['an error that is its own cause', () => { const error = new Error('x'); error.cause = error; return error }],
  ['an error whose cause throws', () => Object.defineProperty(new Error('x'), 'cause', { get: boom })],
  ['null', () => null]
]

for (const [title, create] of thrown) {
  t.test(`if a payload throws ${title}, the call rejects with a code, every error is logged, and the process goes on`, async (t) => {
    const { app, opened, logged, port } = await start(t)
    const reader = await TwoOpinions.open(t, port)
    const payload = { toJSON () { throw create() } }
    const code = { code: 'FST_SSE_PAYLOAD_NOT_ENCODABLE' }
    // The first call of each pair is not awaited.
    void app.sse.broadcast('message', payload)
    await t.rejects(app.sse.broadcast('message', payload), code)
    void opened[0]!.send('message', payload)
    await t.rejects(opened[0]!.send('message', payload), code)
    await new Promise(setImmediate)
    t.equal(logged.length, 4)
    t.equal(app.sse.stats().failedBroadcasts, 2)
    await app.sse.broadcast('message', 'next')
    t.equal((await reader.next()).data, 'next')
  })
}
