import t, { type Test } from 'tap'
import { connect, type EventStream, type Status } from '../../../client/index.ts'
import { Answering, has } from '../answering.ts'

// The option `share`, tested from `connect` on: the module that shares is loaded on demand.

/** Installs fake Web Locks, which Node 20 and 22 lack. Every supported Node has BroadcastChannel. */
function giveLocks (t: Test): void {
  let last: Promise<unknown> = Promise.resolve()
  const request = (_name: string, { signal }: { signal: AbortSignal }, action: () => Promise<void>): Promise<void> => {
    const mine = last.then(() => { if (!signal.aborted) return action() })
    last = mine
    return mine
  }
  setNavigator(t, { locks: { request } })
}

function setNavigator (t: Test, value: object): void {
  const had = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value })
  t.teardown(() => {
    if (had === undefined) Reflect.deleteProperty(globalThis, 'navigator')
    else Object.defineProperty(globalThis, 'navigator', had)
  })
}

function share (t: Test, url: string): EventStream {
  const stream = connect(url, { share: true, text: ['message'] })
  t.teardown(() => stream.close())
  return stream
}

t.test('two shared streams of one URL use one request', async (t) => {
  giveLocks(t)
  const server = await Answering.start(t)
  const [told, alsoTold]: [unknown[], unknown[]] = [[], []]
  share(t, server.url).on('message', (text) => told.push(text))
  const { response } = await server.stream('id: 0\nevent: sse.open\ndata: {}\n\n')
  const follower = share(t, server.url)
  follower.on('message', (text) => alsoTold.push(text))
  for await (const { state } of follower.statuses()) if (state === 'open') break
  response.write('id: 1\ndata: a\n\n')
  await has(alsoTold, 1)
  t.strictSame([told, alsoTold, server.count], [['a'], ['a'], 1])
})

t.test('each stream makes its own request where Web Locks are missing', async (t) => {
  setNavigator(t, {})
  const server = await Answering.start(t)
  const [told, alsoTold]: [unknown[], unknown[]] = [[], []]
  share(t, server.url).on('message', (text) => told.push(text))
  share(t, server.url).on('message', (text) => alsoTold.push(text))
  for (let request = 0; request < 2; request++) await server.stream('data: a\n\n')
  await has(told, 1)
  await has(alsoTold, 1)
  t.equal(server.count, 2)
})

t.test('a stream makes its own request where BroadcastChannel throws', async (t) => {
  giveLocks(t)
  const { BroadcastChannel } = globalThis
  t.teardown(() => { globalThis.BroadcastChannel = BroadcastChannel })
  globalThis.BroadcastChannel = class { constructor () { throw new DOMException('an opaque origin', 'SecurityError') } } as unknown as typeof BroadcastChannel
  const server = await Answering.start(t)
  const told: unknown[] = []
  share(t, server.url).on('message', (text) => told.push(text))
  await server.stream('data: a\n\n')
  await has(told, 1)
  t.equal(server.count, 1)
})

t.test('close is final before the sharing module is loaded', async (t) => {
  giveLocks(t)
  const server = await Answering.start(t)
  const stream = share(t, server.url)
  const turns: Status[] = []
  stream.onStatus((status) => turns.push(status))
  stream.close()
  stream.close()
  await import('../../../client/sharing/sharing.ts')
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.strictSame([turns, stream.status, server.count], [[{ state: 'closed', reason: 'closed' }], { state: 'closed', reason: 'closed' }, 0])
})

t.test('reconnect before the sharing module is loaded resumes from the given ID', async (t) => {
  giveLocks(t)
  const server = await Answering.start(t)
  const stream = share(t, server.url)
  stream.reconnect('7')
  const { request } = await server.stream()
  t.equal(new URL(request.url!, server.url).searchParams.get('lastEventId'), '7')
})
