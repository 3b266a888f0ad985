import t from 'tap'
import { pause, Program, untilSeen } from '../../faults/program.ts'
import { noRedis, RedisServer } from '../../support/redis.ts'
import { notInstalled } from '../../support/system.ts'
import { HoppingReader } from '../hopping-reader.ts'
import type { commands, Outcomes } from '../node.ts'

const skip = noRedis() && notInstalled('redis-server')

// Longer than half of the outage, so that some events are rejected and some are not.
const PUBLISH_TIMEOUT = 3000
const OUTAGE = 5000

for (const fsync of ['always', 'everysec']) {
  t.test(`three times Redis is killed under load and is back after 5 s, with \`appendfsync ${fsync}\``, { skip }, async (t) => {
    const afterTest = { after: (callback: () => unknown) => t.teardown(callback), fail: (message: string) => t.fail(message) }
    const server = await RedisServer.start(afterTest, ['--appendonly', 'yes', '--appendfsync', fsync])
    const broker = { redis: { connection: server.url, publishTimeout: PUBLISH_TIMEOUT } }
    const nodes = await Promise.all([0, 1].map(() => Program.start<typeof commands>(afterTest, '../brokers/node.ts')))
    const ports = await Promise.all(nodes.map((node) => node.call('listen', { broker })))
    const readers = ports.flatMap((port) => Array.from({ length: 10 }, () => new HoppingReader(() => [port], port)))
    t.teardown(() => { for (const reader of readers) reader.close() })
    await Promise.all(readers.map((reader) => reader.connect()))

    for (let round = 0; round < 3; round++) {
      const count = 300
      const publishing = nodes.map((node, at) => node.call('publish', { name: `r${round}n${at}`, count, every: 20 }))
      await readers[0]!.until(() => readers[0]!.payloads.some((payload) => payload.startsWith(`r${round}n0.1`)))
      await server.kill()
      // The duration of the outage is part of the claim.
      await pause(OUTAGE)
      await server.start()
      await Promise.all(publishing)
    }
    // What was rejected as unknown may still come, but not after events that were published later.
    const last = await Promise.all(nodes.map(async (node, at) => {
      await node.call('publish', { name: `last${at}`, count: 1 })
      return `last${at}.0`
    }))
    await Promise.all(readers.map((reader) => reader.until(() => last.every((payload) => reader.payloads.includes(payload)))))

    const outcomes: Outcomes[] = await Promise.all(nodes.map((node) => node.call('outcomes')))
    const placed = outcomes.flatMap(({ placed }) => placed)
    const notStored = new Set(outcomes.flatMap(({ notStored }) => notStored))
    t.strictSame(outcomes.flatMap(({ others }) => others), [])
    t.ok(notStored.size > 0, 'some events waited too long')
    t.ok(placed.length > 300, `${placed.length} events were placed`)
    for (const reader of readers) {
      const got = new Set(reader.payloads)
      t.equal(got.size, reader.payloads.length, 'nothing comes twice')
      if (reader.gaps.length === 0) t.strictSame(placed.filter((payload) => !got.has(payload)), [], 'everything that was placed has come')
      t.strictSame(reader.payloads.filter((payload) => notStored.has(payload)), [], 'nothing comes that was rejected as not stored')
      t.strictSame(reader.payloads.join(), readers[0]!.payloads.join(), 'one order')
      // With `everysec` Redis answers before it has written, if its disk does not keep up.
      if (fsync === 'always') t.strictSame(reader.gaps, [])
      t.equal(reader.wasCut, false, 'the stream stays open')
    }
    for (const node of nodes) {
      const { stats, complaints } = await untilSeen(() => node.call('state'), ({ pending }) => pending === 0)
      t.equal(stats.subscribers, 10)
      t.strictSame(complaints.filter((line) => !line.includes('sse: ')), [])
    }
  })
}
