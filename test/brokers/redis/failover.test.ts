import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { redisBroker } from '../../../brokers/redis/index.ts'
import { pause, untilSeen } from '../../faults/program.ts'
import { noRedis, RedisServer } from '../../support/redis.ts'
import { notInstalled } from '../../support/system.ts'
import { startNode } from '../nodes.ts'

const skip = noRedis() && notInstalled('redis-server')

const KEY = '{sse}:order:events'

t.test('a node leaves a server that has become a replica, and goes on at the one that took its place', { skip }, async (t) => {
  const afterTest = { after: (callback: () => unknown) => t.teardown(callback) }
  const [old, next] = [await RedisServer.start(afterTest), await RedisServer.start(afterTest)]
  await next.with((client) => client.replicaof('127.0.0.1', old.port))
  // As the address of a managed Redis: connections that are open stay where they are.
  let target = old.port
  const sockets = new Set<Socket>()
  const proxy = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}))
    near.pipe(far).pipe(near)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo
  const { reader, broadcast } = await startNode(t, redisBroker({ connection: { host: '127.0.0.1', port } }))
  await broadcast('before')
  await untilSeen(() => next.with((client) => client.exists(KEY)), (exists) => exists === 1)
  await next.with((client) => client.replicaof('NO', 'ONE'))
  await old.with((client) => client.replicaof('127.0.0.1', next.port))
  await untilSeen(() => old.with((client) => client.info('replication')), (info) => info.includes('role:slave') && info.includes('master_link_status:up'))
  const placed = broadcast('after')
  // Long enough for connections that come back too early.
  await pause(1500)
  target = next.port
  await placed
  t.strictSame(await reader.upTo('after'), ['before', 'after'])
})
