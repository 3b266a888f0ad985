import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { loadDriver } from '../../../brokers/sqlite/driver.ts'
import { sqliteBroker, type SqliteBrokerOptions } from '../../../brokers/sqlite/index.ts'
import { recordOf } from './listener.ts'
import { brokerWith, driver, engineWith, needsDriver, newFile, startNode } from './nodes.ts'

const HAS_NONE = { skip: process.getBuiltinModule('node:sqlite') !== undefined && 'this Node has SQLite' }
const REPORTS = { down: () => {}, up: () => {}, skipped: () => {} }

t.test('a wrong option is named together with its rule', async (t) => {
  const wrong: Array<[unknown, string, RegExp]> = [
    [undefined, 'FST_SSE_OPTION_INVALID', /sqliteBroker/],
    [{}, 'FST_SSE_OPTION_INVALID', /sqliteBroker\.file/],
    [{ file: '' }, 'FST_SSE_OPTION_INVALID', /sqliteBroker\.file/],
    [{ file: ':memory:' }, 'FST_SSE_OPTION_INVALID', /sqliteBroker\.file.*:memory:/],
    [{ file: 'file:x.db?mode=memory' }, 'FST_SSE_OPTION_INVALID', /sqliteBroker\.file/],
    [{ file: 'x.db', synchronous: 'off' }, 'FST_SSE_OPTION_INVALID', /sqliteBroker\.synchronous/],
    [{ file: 'x.db', prefix: 'a b' }, 'FST_SSE_OPTION_INVALID', /sqliteBroker\.prefix/],
    [{ file: 'x.db', prefix: 'sqlite_x' }, 'FST_SSE_OPTION_INVALID', /sqliteBroker\.prefix/],
    [{ file: 'x.db', maxWaiting: -1 }, 'FST_SSE_OPTION_INVALID', /sqliteBroker\.maxWaiting/],
    [{ file: 'x.db', path: 'x' }, 'FST_SSE_OPTION_UNKNOWN', /path/]
  ]
  for (const [options, code, message] of wrong) t.throws(() => sqliteBroker(options as SqliteBrokerOptions), { code, message })
})

t.test('a Node without SQLite and without the package is told which package to install', HAS_NONE, async (t) => {
  const notInstalled = { import: async () => { throw new Error('Cannot find package') }, version: undefined }
  const message = (name: string): string => `The sqlite broker needs the package ${name}: install it`
  const code = 'FST_SSE_DRIVER_MISSING'
  await t.rejects(loadDriver(undefined, notInstalled, '22.12.0'), { code, message: message('better-sqlite3'), cause: { message: 'Cannot find package' } })
  await t.rejects(loadDriver(undefined, notInstalled, '20.19.0'), { code, message: message('better-sqlite3@12'), cause: { message: 'Cannot find package' } })
})

t.test('Node 20 does not load a version of the package that would end the process', HAS_NONE, async (t) => {
  const imported: string[] = []
  const installed = (version: string): Parameters<typeof loadDriver>[1] => ({
    import: async () => {
      imported.push(version)
      return { default: class { exec (): void {} prepare (): never { throw new Error('not used') } close (): void {} } }
    },
    version
  })
  const refused = { code: 'FST_SSE_DRIVER_MISSING', message: /better-sqlite3@12/, cause: { message: 'Version 13.2.0 needs Node 22' } }
  await t.rejects(loadDriver(undefined, installed('13.2.0'), '20.20.2'), refused)
  t.strictSame(imported, [])
  await loadDriver(undefined, installed('12.11.1'), '20.20.2')
  await loadDriver(undefined, installed('13.2.0'), '22.12.0')
  t.strictSame(imported, ['12.11.1', '13.2.0'])
})

t.test('the SQLite of Node is preferred to the package', async (t) => {
  const opened: unknown[] = []
  class DatabaseSync {
    constructor (file: string) { opened.push(file) }
    exec (): void {}
    prepare (): never { throw new Error('not used') }
    close (): void {}
  }
  const driver = await loadDriver({ DatabaseSync })
  driver.open('/x.db')
  t.strictSame(opened, ['/x.db'])
})

t.test('a file that is not for this broker is refused at the start', needsDriver, async (t) => {
  const refuses = async (file: string, reason: RegExp): Promise<void> => {
    await t.rejects(sqliteBroker({ file }).start(REPORTS), { message: reason }, String(reason))
  }
  const file = newFile(t)
  await refuses(dirname(file), /SQLite cannot use .*: it is a directory/)
  writeFileSync(file, 'This is a letter, and not a database. '.repeat(100))
  await refuses(file, /it is not an SQLite database/)
  t.match(readFileSync(file, 'utf8'), /^This is a letter/, 'and nothing was written')

  const newer = `${dirname(file)}/newer.db`
  await (await startNode(t, newer)).stop()
  const database = driver!.open(newer)
  database.exec('update sse_format set version = 2')
  database.close()
  await refuses(newer, /the format 2 of a newer version of fastify-typed-sse; this one knows 1/)

  const foreign = `${dirname(file)}/foreign.db`
  const other = driver!.open(foreign)
  other.exec('create table sse_orders (a)')
  other.close()
  await refuses(foreign, /its tables "sse_orders" are not of this broker \("prefix"\)/)
})

t.test('the tables of an application in the file are left alone', needsDriver, async (t) => {
  const file = newFile(t)
  const database = driver!.open(file)
  t.teardown(() => database.close())
  database.exec("create table users (name text); insert into users values ('Ada'); pragma user_version = 7")
  const { order } = await (await startNode(t, file)).follow()
  await order.publish(recordOf('a'))
  t.match(database.prepare('select * from users').all(), [{ name: 'Ada' }])
  t.match(database.prepare('pragma user_version').get(), { user_version: 7 })
})

t.test('the reason is reported if a file cannot be used now', needsDriver, async (t) => {
  const reasonFor = async (file: string, broker = sqliteBroker({ file })): Promise<string> => {
    const cause = await new Promise<Error>((resolve) => { void broker.start({ ...REPORTS, down: (cause) => resolve(cause as Error) }) })
    await broker.close()
    return cause.message
  }
  const file = newFile(t)
  t.match(await reasonFor(`${file}/x.db`), /its directory does not exist/)
  t.match(await reasonFor(file, brokerWith({ opened: (database) => database.exec('pragma query_only = 1') }, file)), /it cannot be written/)

  const damaged = `${dirname(file)}/damaged.db`
  await (await startNode(t, damaged)).stop()
  const bytes = readFileSync(damaged)
  bytes.fill(0xa5, 4096)
  writeFileSync(damaged, bytes)
  t.match(await reasonFor(damaged), /damaged\.db: it is damaged/)
})

t.test('a broker starts once the directory of its file exists', needsDriver, async (t) => {
  const file = `${dirname(newFile(t))}/later/events.db`
  const node = await startNode(t, file)
  const following = node.follow()
  while (node.downs.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  mkdirSync(dirname(file))
  const { order, listener } = await following
  await order.publish(recordOf('a'))
  t.strictSame(listener.bodies, ['a'])
})

t.test('a broker that closes leaves an empty log beside the file, although another connection is open', needsDriver, async (t) => {
  const file = newFile(t)
  const node = await startNode(t, file)
  const { order } = await node.follow()
  const other = driver!.open(file)
  t.teardown(() => other.close())
  other.prepare('select * from sse_orders').all()
  await Promise.all(Array.from({ length: 1000 }, () => order.publish(recordOf('x'.repeat(1000)))))
  t.ok(statSync(`${file}-wal`).size > 0)
  await node.stop()
  t.equal(statSync(`${file}-wal`).size, 0)
})

t.test('the engine waits two seconds for a lock when it connects, and the event loop runs meanwhile', needsDriver, async (t) => {
  const file = newFile(t)
  const other = driver!.open(file)
  t.teardown(() => other.close())
  other.exec('pragma journal_mode = wal; begin immediate')
  const engine = engineWith({}, file)
  await engine.load()
  let turns = 0
  const counting = setInterval(() => turns++, 10)
  await t.rejects(engine.connect(), /another process holds a lock/)
  clearInterval(counting)
  t.ok(turns > 20, `${turns} turns`)
  other.exec('rollback')
  const session = await engine.connect()
  session.close()
})
