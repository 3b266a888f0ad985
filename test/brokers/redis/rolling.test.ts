import t from 'tap'
import { Program } from '../../faults/program.ts'
import { noRedis, RedisServer } from '../../support/redis.ts'
import { notInstalled } from '../../support/system.ts'
import { HoppingReader } from '../hopping-reader.ts'
import type { commands, ListenOptions } from '../node.ts'

const skip = noRedis() && notInstalled('redis-server')

const NODES = [0, 1, 2]
const READERS = 60
const RECONNECTION = { min: 100, max: 600 }

t.test('a rolling restart of three nodes under load: nothing is lost, twice or a gap, and readers come back as spread as they were told', { skip }, async (t) => {
  const afterTest = { after: (callback: () => unknown) => t.teardown(callback), fail: () => {} }
  const server = await RedisServer.start(afterTest)
  const options: ListenOptions = { broker: { redis: { connection: server.url, publishTimeout: 300_000 } }, options: { reconnectionTime: RECONNECTION } }
  const start = async (port = 0): Promise<{ node: Program<typeof commands>, port: number }> => {
    const node = await Program.start<typeof commands>(afterTest, '../brokers/node.ts')
    return { node, port: await node.call('listen', { ...options, port }) }
  }
  const nodes = await Promise.all(NODES.map(() => start()))
  const present = new Set(nodes.map(({ port }) => port))
  const readers = Array.from({ length: READERS }, (_, at) => new HoppingReader(() => [...present], nodes[at % NODES.length]!.port))
  t.teardown(() => { for (const reader of readers) reader.close() })
  await Promise.all(readers.map((reader) => reader.connect()))

  // A publisher that is not restarted, and each node up to its end.
  const steady = await start()
  const publishing = steady.node.call('publish', { name: 'steady', count: 1e6, every: 4 })
  const seen = (): number => readers[0]!.payloads.length
  const placed: string[] = []
  for (const at of NODES) {
    const { node, port } = nodes[at]!
    await node.call('publish', { name: `before${at}`, count: 20, every: 5 })
    present.delete(port)
    const onTheWay = node.call('publish', { name: `during${at}`, count: 50, every: 0 })
    await Promise.all([node.call('close'), onTheWay])
    const { placed: own, unknown } = await node.call('outcomes')
    t.strictSame(unknown, [], 'a node that closes settles what is under way')
    placed.push(...own)
    node.signal('SIGKILL')
    const before = seen()
    nodes[at] = await start(port)
    present.add(port)
    await readers[0]!.until(() => seen() > before + 100)
  }
  await steady.node.call('stop')
  await publishing
  placed.push(...(await steady.node.call('outcomes')).placed)
  await nodes[0]!.node.call('publish', { name: 'last', count: 1 })
  await Promise.all(readers.map((reader) => reader.upTo('last.0')))

  const order = readers[0]!.payloads
  t.equal(new Set(order).size, order.length)
  t.ok(placed.length > 500)
  t.strictSame(placed.filter((payload) => !order.includes(payload)), [])
  t.equal(readers.filter(({ payloads }) => payloads.join() !== order.join()).length, 0, 'all readers have the same order')
  t.strictSame(readers.flatMap(({ gaps }) => gaps), [])
  const retries = readers.flatMap(({ retries }) => retries)
  t.ok(retries.every((time) => time >= RECONNECTION.min && time <= RECONNECTION.max))
  const late = retries.filter((time) => time > (RECONNECTION.min + RECONNECTION.max) / 2).length / retries.length
  t.ok(late > 0.3 && late < 0.7, `${late} of the times are in the later half`)
  t.ok(readers.every(({ connections }) => connections <= 1 + NODES.length), 'a reader comes back once for each node that it loses')
})
