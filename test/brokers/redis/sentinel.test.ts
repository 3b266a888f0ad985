import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t from 'tap'
import { redisBroker } from '../../../brokers/redis/index.ts'
import { untilSeen } from '../../faults/program.ts'
import { freePort } from '../../support/free-port.ts'
import { noRedis, RedisServer } from '../../support/redis.ts'
import { notInstalled } from '../../support/system.ts'
import { startNode, type AfterTest } from '../nodes.ts'

const skip = noRedis() && notInstalled('redis-server')

/** Starts a sentinel that replaces a server half a second after its end. @returns Its port. */
async function startSentinel (t: AfterTest, primary: RedisServer): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-'))
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  writeFileSync(file, [
    `port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
    'sentinel down-after-milliseconds main 500', 'sentinel failover-timeout main 3000'
  ].join('\n'))
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  })
  await once(child, 'spawn')
  return port
}

t.test('with sentinels a node follows the server that takes the place of another, and every reader gets everything once or is told', { skip }, async (t) => {
  const afterTest = { after: (callback: () => unknown) => t.teardown(callback) }
  const primary = await RedisServer.start(afterTest)
  const replica = await RedisServer.start(afterTest, ['--replicaof', `127.0.0.1 ${primary.port}`, '--repl-diskless-sync-delay', '0'])
  await untilSeen(() => replica.with((client) => client.info('replication')), (info) => info.includes('master_link_status:up'))
  const sentinelPort = await startSentinel(t, primary)
  const sentinels = [{ host: '127.0.0.1', port: sentinelPort }]
  const sentinel = new Redis(sentinelPort, '127.0.0.1')
  sentinel.on('error', () => {})
  t.teardown(() => sentinel.disconnect())
  // A sentinel learns of a replica from its primary, some seconds later.
  await untilSeen(() => sentinel.call('SENTINEL', 'REPLICAS', 'main') as Promise<unknown[]>, (replicas) => replicas.length === 1)

  const createBroker = () => redisBroker({ connection: { sentinels, name: 'main' } })
  const [one, two] = [await startNode(t, createBroker()), await startNode(t, createBroker())]
  for (let i = 0; i < 100; i++) await (i % 2 === 0 ? one : two).broadcast(String(i))
  await primary.kill()
  const waiting = Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? one : two).broadcast(`waiting ${i}`)))
  await waiting
  t.match(await replica.with((client) => client.role()), ['master'])
  await one.broadcast('last')
  const got = await one.reader.upTo('last')
  t.strictSame(await two.reader.upTo('last'), got)
  t.equal(new Set(got).size, got.length)
  t.strictSame(got.filter((text) => text.startsWith('waiting ')).length, 50)
  // Replication is asynchronous: the newest events may be missing, which is told. What the readers had before stays right.
  t.strictSame(got.filter((text) => /^\d+$/.test(text)), Array.from({ length: 100 }, (_, i) => String(i)))
  t.ok(one.reader.gaps.length <= 1 && one.reader.gaps.every((reason) => reason === 'foreign'), one.reader.gaps.join())
})
