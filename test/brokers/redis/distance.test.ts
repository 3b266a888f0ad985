import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { redisBroker } from '../../../brokers/redis/index.ts'
import { noRedis, RedisServer } from '../../support/redis.ts'
import { notInstalled } from '../../support/system.ts'
import { HoppingReader } from '../hopping-reader.ts'
import { startNode, type AfterTest } from '../nodes.ts'

const skip = noRedis() && notInstalled('redis-server')

// There and back.
const ROUND_TRIP = 500

/** Starts a proxy that delivers each byte half a round trip later. @returns Its port. */
async function startDistance (t: AfterTest, port: number): Promise<number> {
  const sockets = new Set<Socket>()
  const passOn = (from: Socket, to: Socket): void => {
    from.on('data', (bytes) => setTimeout(() => to.write(bytes), ROUND_TRIP / 2))
    from.on('close', () => setTimeout(() => to.destroy(), ROUND_TRIP / 2))
    from.on('error', () => {})
  }
  const proxy = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) sockets.add(socket)
    passOn(near, far)
    passOn(far, near)
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  await once(proxy, 'listening')
  return (proxy.address() as AddressInfo).port
}

t.test('a Redis that is 500 ms away: 5,000 events of two nodes in one order, and a reader that hops gets each once', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const port = await startDistance(t, server.port)
  // Not limited: a busy machine takes its time.
  const createBroker = (port: number) => redisBroker({ connection: { host: '127.0.0.1', port }, publishTimeout: Infinity })
  // Connecting and loading take several round trips.
  const options = { waitForBroker: 300_000 }
  const [far, near] = [await startNode(t, createBroker(port), options), await startNode(t, createBroker(server.port), options)]
  const hopper = new HoppingReader(() => [near.port])
  t.teardown(() => hopper.close())
  await hopper.connect()
  const placed = Promise.all(Array.from({ length: 5000 }, (_, i) => (i % 2 === 0 ? far : near).broadcast(String(i))))
  // From the node that is ahead to the one that is behind.
  await hopper.until(() => hopper.payloads.length > 1000)
  await hopper.hop(far.port)
  await placed
  await Promise.all([far, near].map(({ reader }) => reader.until(() => reader.payloads.length === 5000)))
  await hopper.until(() => hopper.payloads.length === 5000)
  t.strictSame(far.reader.got, near.reader.got)
  t.strictSame(hopper.got, near.reader.got)
  t.strictSame(far.complaints, [])
})
