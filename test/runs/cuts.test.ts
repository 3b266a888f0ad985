import t from 'tap'
import { noRedis, RedisServer } from '../support/redis.ts'
import { notInstalled } from '../support/system.ts'
import { startRunNode, startWords, wordOf } from './run-node.ts'
import { RunReader } from './run-reader.ts'

const skip = noRedis() && notInstalled('redis-server')

const RUNS = 200
const ITEMS = 500
const CUTS_PER_READER = 5
const KEEP_FOR = 6000

t.test(`${RUNS} runs of ${ITEMS} items on two nodes, whose readers are cut 2,000 times: each has each item once, in order, then the end`, { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const nodes = await Promise.all([0, 1].map(() => startRunNode({ redis: server.url }, { runs: { keepFor: KEEP_FOR } })))
  for (const { app } of nodes) t.teardown(() => app.close())
  const ids = Array.from({ length: RUNS }, (_, at) => `run-${at}`)
  const expected = new Map(ids.map((id) => [id, Array.from({ length: ITEMS }, (_, at) => wordOf(id, at + 1)).join(' ')]))
  let cuts = 0

  const readRun = async (id: string, at: number): Promise<RunReader> => {
    const reader = new RunReader(id).connect(nodes[at]!.port)
    t.teardown(() => reader.cut())
    for (let cut = 0; cut < CUTS_PER_READER; cut++) {
      const upTo = reader.items.length + Math.trunc(Math.random() * ITEMS / CUTS_PER_READER)
      await reader.until(() => reader.items.length >= upTo || reader.end !== undefined)
      cuts++
      // Half of the readers go on at the other node each time.
      if (reader.end === undefined) reader.connect(nodes[(at + (Math.random() < 0.5 ? 0 : 1)) % 2]!.port)
    }
    return reader.ended()
  }

  const readers = await Promise.all(ids.map(async (id, at) => {
    await startWords(nodes[at % 2]!.app, { id, count: ITEMS, every: 1 + Math.trunc(Math.random() * 10) })
    return Promise.all([readRun(id, 0), readRun(id, 1)])
  }))
  t.equal(cuts, 2 * RUNS * CUTS_PER_READER)
  const check = (id: string, reader: RunReader): string | undefined => {
    if (reader.items.join(' ') !== expected.get(id)) return `${id}: ${reader.items.length} items, ${reader.items.slice(0, 5).join(' ')} …`
    if (reader.end?.status !== 'done') return `${id}: ${JSON.stringify(reader.end)}`
    return reader.gaps.length > 0 ? `${id}: ${reader.gaps.join()}` : undefined
  }
  t.strictSame(readers.flatMap((pair, at) => pair.flatMap((reader) => check(ids[at]!, reader) ?? [])), [])

  // The runs end at different times, so only those that have just ended are still kept.
  const fresh = (await Promise.all(ids.map(async (id, at) => await nodes[at % 2]!.app.sse.runs.status(id).catch(() => undefined) === 'done' ? [id] : []))).flat()
  const late = await Promise.all(fresh.map(async (id, at) => new RunReader(id).connect(nodes[at % 2]!.port).ended()))
  t.strictSame(late.flatMap((reader, at) => reader.refused === 404 ? [] : check(fresh[at]!, reader) ?? []), [])
  t.ok(late.some(({ end }) => end !== undefined))

  const until = Date.now() + 3 * KEEP_FOR
  const codes = async (): Promise<number[]> => (await Promise.all(ids.flatMap((id) => nodes.map(({ app }) => app.inject(`/runs/${id}`))))).map(({ statusCode }) => statusCode)
  for (;;) {
    const seen = new Set(await codes().catch(() => [0]))
    if ((seen.size === 1 && seen.has(404)) || Date.now() > until) break
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  t.strictSame(new Set(await codes()), new Set([404]))
  for (const { app } of nodes) t.equal(app.sse.stats().runs.known, 0)
})
