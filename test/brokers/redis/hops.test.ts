import t from 'tap'
import { Program } from '../../faults/program.ts'
import { randomFrom } from '../../flows/numbered-reader.ts'
import { noRedis, RedisServer } from '../../support/redis.ts'
import { notInstalled } from '../../support/system.ts'
import { HoppingReader } from '../hopping-reader.ts'
import type { commands } from '../node.ts'

const READERS = 200
const HOPS = 1000
const PUBLISHERS = 10
const EVENTS_EACH = 200

const skip = noRedis() && notInstalled('redis-server')

t.test('readers that hop between two nodes get everything once, in one order, and without a gap', { skip }, async (t) => {
  const afterTest = { after: (callback: () => unknown) => t.teardown(callback), fail: (message: string) => t.fail(message) }
  const server = await RedisServer.start(afterTest)
  const broker = { redis: { connection: server.url } }
  const nodes = await Promise.all([0, 1].map(() => Program.start<typeof commands>(afterTest, '../brokers/node.ts')))
  const ports = await Promise.all(nodes.map((node) => node.call('listen', { broker })))
  const readers = Array.from({ length: READERS }, (_, at) => new HoppingReader(() => ports, ports[at % 2]!))
  t.teardown(() => { for (const reader of readers) reader.close() })
  await Promise.all(readers.map((reader) => reader.connect()))

  const published = Array.from({ length: PUBLISHERS }, (_, at) => nodes[at % 2]!.call('publish', { name: `p${at}`, count: EVENTS_EACH, every: 5 }))
  const random = randomFrom(17)
  const below = (end: number): number => Math.floor(random() * end)
  for (let hop = 0; hop < HOPS; hop += 10) {
    const from = below(READERS - 10)
    await Promise.all(readers.slice(from, from + 10).map((reader) => reader.hop(ports[below(2)]!)))
  }
  await Promise.all(published)
  const total = PUBLISHERS * EVENTS_EACH
  await Promise.all(readers.map((reader) => reader.until(() => reader.payloads.length >= total)))

  const order = readers[0]!.payloads
  t.equal(new Set(order).size, total)
  for (let at = 0; at < PUBLISHERS; at++) {
    const own = order.filter((payload) => payload.startsWith(`p${at}.`))
    t.strictSame(own, Array.from({ length: EVENTS_EACH }, (_, number) => `p${at}.${number}`), `the order of publisher ${at}`)
  }
  t.strictSame(readers.filter(({ payloads }) => payloads.join() !== order.join()).length, 0, 'all readers have the same order')
  t.strictSame(readers.flatMap(({ gaps }) => gaps), [])
  for (const node of nodes) t.match(await node.call('state'), { complaints: [], stats: { gaps: { evicted: 0, foreign: 0, future: 0, slow: 0, unknown: 0 } } })
})
