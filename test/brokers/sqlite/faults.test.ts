import { copyFileSync, renameSync, rmSync } from 'node:fs'
import t from 'tap'
import type { Database } from '../../../brokers/sqlite/driver.ts'
import { recordOf } from './listener.ts'
import { brokerWith, driver, needsDriver, newFile, query, sqliteError, startNode } from './nodes.ts'

const turn = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Waits until something holds, which has no event of its own. */
async function eventually (holds: () => boolean): Promise<void> {
  while (!holds()) await turn(5)
}

const removeAll = (file: string): void => ['', '-wal', '-shm'].forEach((end) => rmSync(file + end, { force: true }))

t.test('a lock that another connection holds does not stop the event loop, and everything is placed after it', needsDriver, async (t) => {
  const file = newFile(t)
  const { broker, downs, follow } = await startNode(t, file)
  const { order, listener } = await follow()
  const other = driver!.open(file)
  t.teardown(() => other.close())
  other.exec('begin immediate')
  let settled = 0
  const published = ['a', 'b', 'c'].map(async (body) => { await order.publish(recordOf(body)); settled++ })
  let longest = 0
  const begun = performance.now()
  for (let last = begun; last - begun < 1000;) {
    await turn(5)
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  t.equal(settled, 0)
  // By default the driver waits for 5 s inside the call.
  t.ok(longest < 4000, `the event loop stopped for ${longest} ms`)
  other.exec('rollback')
  await Promise.all(published)
  t.strictSame(listener.bodies, ['a', 'b', 'c'])
  t.strictSame([downs, broker.health().reconnects], [[], 0], 'a lock is no fault')
})

t.test('nothing of a batch is stored on a full disk, the lock is free, and everything is placed in order once there is room', needsDriver, async (t) => {
  const file = newFile(t)
  let database: Database | undefined
  const { downs, follow } = await startNode(t, file, brokerWith({ opened: (opened) => { database = opened } }, file))
  const { order, listener } = await follow()
  await order.publish(recordOf('first'))
  // The present size is the least that this can be.
  database!.prepare('pragma max_page_count = 1').get()
  const bodies = ['a', 'b', 'c'].map((body) => body + 'x'.repeat(50_000))
  const published = bodies.map((body) => order.publish(recordOf(body)))
  await eventually(() => downs.length > 0)
  t.match(downs, [{ message: /full/ }])
  t.strictSame(query(file, 'select count(*) as count from sse_records where body is not null'), [{ count: 1 }])
  const other = driver!.open(file)
  other.exec('begin immediate')
  other.exec('rollback')
  other.close()
  database!.prepare('pragma max_page_count = 100000').get()
  await Promise.all(published)
  t.strictSame(listener.bodies, ['first', ...bodies])
  t.equal(listener.origins.length, 1)
})

t.test('a file that cannot be written any more loses nothing, and takes everything when it can be written again', needsDriver, async (t) => {
  const file = newFile(t)
  let database: Database | undefined
  const { downs, follow } = await startNode(t, file, brokerWith({ opened: (opened) => { database = opened } }, file))
  const { order, listener } = await follow()
  database!.exec('pragma query_only = 1')
  const published = ['a', 'b'].map((body) => order.publish(recordOf(body)))
  await eventually(() => downs.length > 0)
  t.match(downs, [{ message: /readonly/ }])
  database!.exec('pragma query_only = 0')
  await Promise.all(published)
  t.strictSame(listener.bodies, ['a', 'b'])
  t.equal(listener.origins.length, 1)
})

for (const [when, code] of [['before', 'FULL'], ['before', 'IOERR'], ['after', 'IOERR'], ['before', 'BUSY']] as const) {
  t.test(`a record is placed once if a commit fails with ${code} ${when} it took effect`, needsDriver, async (t) => {
    const file = newFile(t)
    let isArmed = false
    const broker = brokerWith({
      exec (sql, run) {
        const fails = isArmed && sql === 'commit'
        if (fails && when === 'before') isArmed = false
        else run()
        if (!fails) return
        isArmed = false
        throw sqliteError(code)
      }
    }, file)
    const { order, listener } = await (await startNode(t, file, broker)).follow()
    isArmed = true
    await Promise.all(['a', 'b'].map((body) => order.publish(recordOf(body))))
    t.notOk(isArmed)
    t.strictSame(listener.bodies, ['a', 'b'])
    t.strictSame(listener.calls.map(({ call }) => call), ['reset', 'place', 'place'])
    t.equal(broker.health().reconnects, code === 'IOERR' ? 1 : 0)
  })
}

for (const code of ['CORRUPT', 'IOERR', 'NOTADB']) {
  t.test(`an error ${code} while reading is reported, and nothing is lost when it is over`, needsDriver, async (t) => {
    const file = newFile(t)
    let failures = 0
    const broker = brokerWith({ reading (sql) { if (/octet_length/.test(sql) && failures > 0 && failures-- > 0) throw sqliteError(code) } }, file)
    const { downs, follow } = await startNode(t, file, broker)
    const { order, listener } = await follow()
    failures = 2
    await Promise.all(['a', 'b'].map((body) => order.publish(recordOf(body))))
    t.match(downs, [{ message: new RegExp(code) }])
    t.strictSame(listener.bodies, ['a', 'b'])
    t.equal(listener.origins.length, 1)
  })
}

t.test('nodes on a file that was replaced find the one at its place, and tell their listeners of its epoch', needsDriver, async (t) => {
  const [file, fresh] = [newFile(t), `${t.testdirName}/fresh.db`]
  const node = await startNode(t, file)
  const { order, listener } = await node.follow()
  await order.publish(recordOf('old'))
  const later = await startNode(t, fresh)
  const position = (await (await later.follow()).order.publish(recordOf('new')))!
  await later.stop()
  removeAll(file)
  renameSync(fresh, file)
  await listener.until(() => listener.bodies.includes('new'))
  t.match(node.downs, [{ message: /was (replaced|removed) while it was open/ }])
  t.strictSame(listener.calls.slice(2), [{ call: 'reset', position: { ...position, offset: 0 } }, listener.calls.at(-1)])
  t.strictSame(listener.positions.at(-1), position)
})

t.test('a file that was removed is made again, with a new epoch, by one of the nodes', needsDriver, async (t) => {
  const file = newFile(t)
  const nodes = await Promise.all([startNode(t, file), startNode(t, file)])
  const [a, b] = await Promise.all(nodes.map((node) => node.follow()))
  await a!.order.publish(recordOf('old'))
  removeAll(file)
  await Promise.all([a, b].map((node) => node!.listener.until(() => node!.listener.origins.length > 1)))
  const position = await b!.order.publish(recordOf('new'))
  await a!.listener.until(() => a!.listener.bodies.includes('new'))
  t.strictSame(a!.listener.positions.at(-1), position)
  t.ok(a!.listener.origins.at(-1)!.epoch > a!.listener.origins[0]!.epoch)
  t.strictSame(query(file, 'select body from sse_records where body is not null'), [{ body: 'new' }])
})

t.test('a file that was restored from an earlier copy gets a new epoch', needsDriver, async (t) => {
  const file = newFile(t)
  const first = await startNode(t, file)
  const before = await first.follow()
  await before.order.publish(recordOf('a'))
  await first.stop()
  copyFileSync(file, `${file}.copy`)
  const { order, listener } = await (await startNode(t, file)).follow()
  await Promise.all(['b', 'c'].map((body) => order.publish(recordOf(body))))
  removeAll(file)
  copyFileSync(`${file}.copy`, file)
  await listener.until(() => listener.origins.length > 1)
  t.strictSame(listener.bodies, ['a', 'b', 'c'])
  await order.publish(recordOf('d'))
  t.strictSame(listener.bodies, ['a', 'b', 'c', 'd'])
})

t.test('what is published while another process writes without a pause is placed in order', needsDriver, async (t) => {
  const file = newFile(t)
  const { order, listener } = await (await startNode(t, file)).follow()
  const other = driver!.open(file)
  t.teardown(() => other.close())
  other.exec('create table busy (a)')
  let isHeld = false
  const bodies = Array.from({ length: 50 }, (_none, at) => String(at))
  const holding = setInterval(() => {
    try {
      other.exec(isHeld ? 'commit' : 'begin immediate')
      isHeld = !isHeld
    } catch {
      // The broker has the lock.
    }
  }, 3)
  t.teardown(() => clearInterval(holding))
  await Promise.all(bodies.map(async (body, at) => {
    await turn(at * 5)
    await order.publish(recordOf(body))
  }))
  t.equal(new Set(listener.bodies).size, 50)
  t.strictSame(listener.positions.map((position) => position?.offset), bodies.map((_body, at) => at + 1))
})

t.test('ephemeral records of another process come, although the session was lost meanwhile', needsDriver, async (t) => {
  const file = newFile(t)
  let isArmed = false
  const broker = brokerWith({ reading (sql) { if (isArmed && /octet_length/.test(sql)) throw sqliteError('IOERR') } }, file)
  const [here, there] = [await startNode(t, file, broker), await startNode(t, file)]
  const [one, two] = [await here.follow(), await there.follow()]
  await two.order.publish(recordOf('before', { ephemeral: true }))
  await one.listener.until(() => one.listener.bodies.includes('before'))
  isArmed = true
  await two.order.publish(recordOf('during', { ephemeral: true }))
  await eventually(() => here.downs.length > 0)
  await two.order.publish(recordOf('after', { ephemeral: true }))
  isArmed = false
  await one.listener.until(() => one.listener.bodies.includes('after'))
  t.strictSame(one.listener.bodies, ['before', 'during', 'after'])
  t.strictSame(one.listener.calls.filter(({ call }) => call === 'lose'), [])
})

t.test('an entry that nothing replaces, or large ones, do not make the file keep everything', needsDriver, async (t) => {
  const file = newFile(t)
  const { follow } = await startNode(t, file)
  const count = (): number => (query(file, 'select count(*) as count from sse_records where body is not null') as Array<{ count: number }>)[0]!.count
  const { order, listener } = await follow('events', { maxEvents: 100 })
  listener.oldest = (await order.publish(recordOf('first')))!
  for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 500 }, () => order.publish(recordOf('later'))))
  t.ok(count() < 4000, `${count()} records`)
  const large = await follow('large', { maxEvents: 100, maxBytes: 1024 * 1024 })
  const before = count()
  for (let i = 0; i < 100; i++) large.listener.oldest = (await large.order.publish(recordOf('x'.repeat(300_000))))!
  t.ok(count() - before < 40, `${count() - before} large records`)
})
