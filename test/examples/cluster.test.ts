import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { EventSource } from 'eventsource'
import t, { type Test } from 'tap'
import { until } from '../flows/raw-reader.ts'
import { skip as noNginx } from '../proxies/nginx.ts'
import { TYPESCRIPT } from '../support/child.ts'
import { noRedis } from '../support/redis.ts'
import { notInstalled } from '../support/system.ts'
import { CLEAN, Example } from './example.ts'

const NAMES = ['a', 'b', 'c']
const READERS = 6
// A program inherits what is loaded before its parent. Here only the supervisor ends with the test: the nodes must notice themselves that it has ended.
const SUPERVISOR_ENDS_WITH_TEST = 'data:text/javascript,if (process.argv[1].endsWith("server.ts")) ' +
  '{ process.on("disconnect", () => process.exit()); process.channel.unref() }'
const skip = (noRedis() && notInstalled('redis-server')) || noNginx

/** A reader that reconnects as a browser does, and as a browser gives up after any response but a stream. */
class Reader {
  readonly numbers: number[] = []
  /** The nodes that served it, in turn, as the header of each response names them. */
  readonly nodes: string[] = []
  /** The node that serves it, as the newest event `node` says. */
  servedBy = ''
  gaps = 0
  readonly #source: EventSource

  constructor (t: Test, origin: string) {
    this.#source = new EventSource(`${origin}/events`, {
      fetch: async (url, init) => {
        const response = await fetch(url, init)
        const node = response.headers.get('x-node')
        if (node !== null) this.nodes.push(node)
        return response
      }
    })
    t.after(() => this.#source.close())
    this.#source.addEventListener('count', ({ data }) => this.numbers.push((JSON.parse(data as string) as { number: number }).number))
    this.#source.addEventListener('node', ({ data }) => { this.servedBy = (JSON.parse(data as string) as { name: string }).name })
    this.#source.addEventListener('sse.gap', () => { this.gaps++ })
  }

  get isConsecutive (): boolean {
    return this.numbers.every((number, at) => number === this.numbers[0]! + at)
  }

  get hasGivenUp (): boolean { return this.#source.readyState === EventSource.CLOSED }
}

/** Waits until a condition holds. @throws when a reader has given up. */
async function untilServed (readers: readonly Reader[], holds: (reader: Reader) => boolean): Promise<void> {
  await until(() => readers.some(({ hasGivenUp }) => hasGivenUp) || readers.every(holds))
  if (readers.some(({ hasGivenUp }) => hasGivenUp)) throw new Error('A reader has given up')
}

/** Waits until nginx passes requests to every node. @throws when a request does not reach a node. */
async function untilAllServe ({ origin }: Example): Promise<void> {
  for (const found = new Set<string>(); found.size < NAMES.length;) {
    const response = await fetch(`${origin}/node`)
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
    found.add((await response.json() as { name: string }).name)
  }
}

/** Creates the place where one example puts its folders: other tests run the example at the same time. */
function createPlace (t: Test): { readonly TMPDIR: string, folders (): string[] } {
  const TMPDIR = mkdtempSync(join(tmpdir(), 'cluster-test-'))
  t.after(() => rmSync(TMPDIR, { recursive: true, force: true }))
  return { TMPDIR, folders: () => readdirSync(TMPDIR).filter((name) => name.startsWith('sse-cluster-')) }
}

/** The process IDs of the nodes that an example has started, from the lines that it has printed. */
const processes = (printed: readonly string[]): number[] => printed.flatMap((line) => (JSON.parse(line) as { process?: number }).process ?? [])

function isRunning (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

t.test('the example `cluster`', { skip }, async (t) => {
  const { TMPDIR, folders } = createPlace(t)
  const example = await Example.start(t, 'cluster', { TMPDIR })
  t.equal(folders().length, 2, 'Redis and nginx have folders')

  await t.test('each node is ready, and its streams name it in a header and in an event', async (t) => {
    await untilAllServe(example)
    const { status, headers } = await fetch(`${example.origin}/health`)
    t.strictSame({ status, cache: headers.get('cache-control') }, { status: 200, cache: 'no-store' })
    const readers = NAMES.map(() => new Reader(t, example.origin))
    await untilServed(readers, ({ servedBy }) => servedBy !== '')
    t.strictSame(readers.map(({ servedBy }) => servedBy), readers.map(({ nodes: [node] }) => node))
    t.strictSame(readers.map(({ servedBy }) => servedBy).sort(), NAMES, 'in turn')
  })

  await t.test('every reader gets every number once and without a gap, and no request fails, while each node is killed', async (t) => {
    const readers = Array.from({ length: READERS }, () => new Reader(t, example.origin))
    await untilServed(readers, ({ numbers, servedBy }) => numbers.length > 0 && servedBy !== '')
    for (const node of NAMES) {
      const newest = Math.max(...readers.flatMap(({ numbers }) => numbers))
      const cut = new Map(readers.filter(({ servedBy }) => servedBy === node).map((reader) => [reader, reader.nodes.length]))
      if (node === NAMES[0]) t.ok(cut.size > 0, 'it serves readers')
      t.equal((await example.post('/kill', { origin: example.origin }, { node })).status, 204)
      await untilServed([...cut.keys()], (reader) => reader.nodes.length > cut.get(reader)!)
      await untilServed(readers, ({ numbers }) => numbers.at(-1)! >= newest + 5)
      await untilAllServe(example)
    }
    t.equal(example.printed.filter((line) => line.includes('"signal":"SIGKILL"')).length, NAMES.length)
    t.ok(readers.some(({ nodes }) => new Set(nodes).size > 1), 'readers have changed their node')
    t.strictSame(readers.map(({ isConsecutive, gaps }) => ({ isConsecutive, gaps })), readers.map(() => ({ isConsecutive: true, gaps: 0 })))
  })

  await t.test('no page of another origin, and no request without a JSON body, kills a node', async (t) => {
    const kill = async (headers: Record<string, string>, body = '{"node":"a"}'): Promise<number> => {
      return (await fetch(`${example.origin}/kill`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })).status
    }
    const ends = (): number => example.printed.filter((line) => line.includes('has ended')).length
    const before = ends()
    for (const origin of ['https://elsewhere.example', 'null', `${example.origin}0`]) t.equal(await kill({ origin }), 403, origin)
    t.equal(await kill({ 'content-type': 'text/plain' }), 400)
    t.equal(await kill({ 'content-type': 'application/x-www-form-urlencoded' }), 415)
    t.equal(await kill({}, '{"node":"d"}'), 400)
    t.equal(ends(), before)
  })

  await t.test('the example serves its page', async (t) => {
    for (const path of ['/', '/cluster.js', '/cluster.css', '/post.js']) t.equal((await fetch(example.page + path)).status, 200, path)
  })

  await t.test('SIGTERM ends the example cleanly, with open streams, and removes its folders', async (t) => {
    const reader = new Reader(t, example.origin)
    await untilServed([reader], ({ servedBy }) => servedBy !== '')
    t.strictSame(await example.stop('SIGTERM'), CLEAN)
    t.strictSame(folders(), [])
    t.notOk(processes(example.printed).some(isRunning))
  })
})

t.test('a node ends when it is told to, and everything ends if the supervisor is killed', { skip }, async (t) => {
  const { TMPDIR, folders } = createPlace(t)
  const supervisor = spawn(process.execPath, ['--import', 'tsx', '--import', SUPERVISOR_ENDS_WITH_TEST, 'examples/cluster/server.ts'], {
    env: { ...TYPESCRIPT.env, TMPDIR, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc']
  })
  t.after(() => supervisor.kill('SIGKILL'))
  const printed: string[] = []
  createInterface(supervisor.stdout!).on('line', (line) => printed.push(line))
  await until(() => printed.some((line) => line.includes('"open http')))
  const nodes = processes(printed)
  process.kill(nodes[0]!, 'SIGTERM')
  await until(() => printed.some((line) => line.includes('has ended')))
  t.match(JSON.parse(printed.find((line) => line.includes('has ended'))!), { process: nodes[0]!, code: 0, signal: null })
  t.equal(folders().length, 2)
  supervisor.kill('SIGKILL')
  await until(() => folders().length === 0 && !processes(printed).some(isRunning))
})

t.test('without Redis or nginx the example says what to install', async (t) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'examples/cluster/server.ts'], {
    encoding: 'utf8', env: { ...TYPESCRIPT.env, PATH: '/nowhere' }
  })
  t.strictSame({ status, stdout, stderr }, { status: 1, stdout: '', stderr: 'redis-server is not installed: run `npm run setup:system`\n' })
})
