import t, { type Test } from 'tap'
import type { Append, Question, Session, StoredEntry, TokenRecord } from '../../../brokers/engine/engine.ts'
import { statSync } from 'node:fs'
import { Housekeeping } from '../../../brokers/sqlite/housekeeping.ts'
import { NO_POSITION, type Position } from '../../../lib/broker/position.ts'
import { recordOf } from './listener.ts'
import { driver, engineWith, needsDriver, newFile, query, sqliteError, TABLES } from './nodes.ts'

const EPOCHS = ['0000000001', '0000000002', '0000000003'] as const

async function connect (t: Test, file: string): Promise<Session> {
  const engine = engineWith({}, file)
  await engine.load()
  const session = await engine.connect()
  t.teardown(() => session.close())
  return session
}

let counter = 0
const tokenRecord = (body: string, ephemeral = false): TokenRecord => ({ token: { publisher: 'test', counter: ++counter }, record: recordOf(body, { ephemeral }) })

function appendOf (bodies: readonly string[], { order = 'events', epoch = EPOCHS[0] as string, keepFor = Infinity, forgetBefore = 0 } = {}): Append {
  return { order, epoch, records: bodies.map((body) => tokenRecord(body, body.startsWith('e'))), forgetBefore, keepFor }
}

async function beginAndFollow (session: Session, order = 'events', after: Position = NO_POSITION): Promise<void> {
  await session.begin(order, undefined, EPOCHS[0], { publisher: 'test', counter: ++counter }, Infinity)
  await follow(session, order, after)
}

async function follow (session: Session, order: string, after: Position): Promise<void> {
  const [state] = await session.look([question(order)])
  session.follow(order, after, state!)
}

/** The question for the state of an order. */
function question (order: string, at?: Position, keepFor = Infinity): Question {
  return { order, at, keepFor }
}

/** Takes entries until one has the body. */
async function entriesUntil (session: Session, body: string, each = async (): Promise<void> => {}): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = []
  while (entries.at(-1)?.record?.body !== body) {
    for (const arrival of await session.next()) entries.push(...arrival.entries)
    await each()
  }
  return entries
}

const bodiesOf = (entries: readonly StoredEntry[]): Array<string | undefined> => entries.map(({ record }) => record?.body)
const numbers = (count: number, prefix = ''): string[] => Array.from({ length: count }, (_none, at) => `${prefix}${at}`)

for (const when of ['before', 'after'] as const) {
  t.test(`an order gets every kept record once, in order, and no earlier ephemeral one, if its session began ${when} they were stored`, needsDriver, async (t) => {
    const file = newFile(t)
    const writer = await connect(t, file)
    const early = when === 'before' ? await connect(t, file) : undefined
    await beginAndFollow(writer)
    await writer.append([appendOf([...numbers(1300, 'k'), 'e early'])])
    const reader = early ?? await connect(t, file)
    await beginAndFollow(reader, 'events', { epoch: EPOCHS[0], offset: 100 })
    let more = 0
    const entries = await entriesUntil(reader, 'last', async () => {
      if (++more < 8) await writer.append([appendOf([...numbers(200, `k${more}.`), `e${more}`])])
      else if (more === 8) await writer.append([appendOf(['last'])])
    })
    const expected = [...numbers(1300, 'k').slice(100), ...numbers(7).flatMap((at) => [...numbers(200, `k${Number(at) + 1}.`), `e${Number(at) + 1}`]), 'last']
    t.strictSame(bodiesOf(entries), expected)
    const kept = entries.filter(({ record }) => record?.ephemeral === false)
    t.strictSame(kept.map(({ position }) => position.offset), kept.map((_entry, at) => at + 101))
  })
}

t.test('one arrival has at most a megabyte of the tail of an order, and another one of what is new', needsDriver, async (t) => {
  const file = newFile(t)
  const writer = await connect(t, file)
  await beginAndFollow(writer)
  const large = numbers(60, 'x'.repeat(100_000))
  await writer.append([appendOf(large.slice(0, 30))])
  const reader = await connect(t, file)
  await beginAndFollow(reader)
  const sizes: number[] = []
  let wasAppended = false
  for (let count = 0; count < 60;) {
    const entries = (await reader.next()).flatMap(({ entries }) => entries)
    const bodies = bodiesOf(entries).filter((body) => body !== undefined)
    sizes.push(bodies.join('').length)
    count += bodies.length
    if (!wasAppended) await writer.append([appendOf(large.slice(30))])
    wasAppended = true
  }
  t.ok(Math.max(...sizes) <= 2 * 1024 * 1024, sizes.join(' '))
})

t.test('entries of a later epoch come after those of an earlier one', needsDriver, async (t) => {
  const file = newFile(t)
  const [writer, reader] = [await connect(t, file), await connect(t, file)]
  await beginAndFollow(writer)
  await writer.append([appendOf(['a', 'b'])])
  await beginAndFollow(reader, 'events', { epoch: EPOCHS[0], offset: 1 })
  await writer.begin('events', EPOCHS[0], EPOCHS[1], { publisher: 'test', counter: ++counter }, Infinity)
  await writer.append([appendOf(['c'], { epoch: EPOCHS[1] })])
  const places = (await entriesUntil(reader, 'c')).map(({ position, record }) => [position.epoch, position.offset, record?.body])
  t.strictSame(places, [[EPOCHS[0], 2, 'b'], [EPOCHS[1], 0, undefined], [EPOCHS[1], 1, 'c']])
  const late = await connect(t, file)
  await beginAndFollow(late)
  t.strictSame(bodiesOf(await entriesUntil(late, 'c')), [undefined, 'a', 'b', undefined, 'c'], 'also from the index')
})

t.test('an epoch is begun by one of those who try, and only after the epoch that they expect', needsDriver, async (t) => {
  const file = newFile(t)
  const sessions = [await connect(t, file), await connect(t, file)]
  await Promise.all(sessions.map((session, at) => session.begin('events', undefined, EPOCHS[at]!, { publisher: `p${at}`, counter: 1 }, Infinity)))
  const look = async (): Promise<unknown> => (await sessions[1]!.look([question('events')]))[0]
  t.match(await look(), { head: { epoch: EPOCHS[0], offset: 0 }, floor: 0, token: { publisher: 'p0', counter: 1 } })
  await sessions[1]!.begin('events', EPOCHS[1], EPOCHS[2], { publisher: 'p1', counter: 2 }, Infinity)
  t.match(await look(), { head: { epoch: EPOCHS[0] } })
  await sessions[1]!.begin('events', EPOCHS[0], EPOCHS[2], { publisher: 'p1', counter: 3 }, Infinity)
  t.match(await look(), { head: { epoch: EPOCHS[2], offset: 0 }, token: { counter: 3 } })
})

t.test('an append to an order that is gone, or has another epoch, stores nothing, and the others of its call are stored', needsDriver, async (t) => {
  const session = await connect(t, newFile(t))
  await beginAndFollow(session)
  const results = await session.append([appendOf(['a']), appendOf(['b'], { order: 'other' }), appendOf(['c'], { epoch: EPOCHS[1] }), appendOf(['d', 'e'])])
  t.strictSame(results, [{ last: { epoch: EPOCHS[0], offset: 1 } }, { refused: true }, { refused: true }, { last: { epoch: EPOCHS[0], offset: 2 } }])
  t.strictSame(bodiesOf(await entriesUntil(session, 'e')), [undefined, 'a', 'd', 'e'])
})

t.test('a state has the token of the entry that was asked about, and none for an ephemeral record at that place', needsDriver, async (t) => {
  const session = await connect(t, newFile(t))
  await beginAndFollow(session)
  const append = appendOf(['a', 'e', 'b'])
  await session.append([append])
  const at = (offset: number): Question => question('events', { epoch: EPOCHS[0], offset })
  const states = await session.look([at(1), at(2), at(3), question('events'), question('none')])
  t.strictSame(states.map((state) => state?.token), [append.records[0]!.token, append.records[2]!.token, undefined, append.records[2]!.token, undefined])
  t.equal(states[4], undefined)
})

t.test('`next` returns nothing after `wake`, and nothing after a second of silence', needsDriver, async (t) => {
  const session = await connect(t, newFile(t))
  const begun = Date.now()
  const next = session.next()
  session.wake()
  t.strictSame(await next, [])
  session.wake()
  t.strictSame(await session.next(), [], 'a call of `wake` before `next` counts too')
  t.ok(Date.now() - begun < 900)
  t.strictSame(await session.next(), [])
  t.ok(Date.now() - begun > 900)
})

t.test('the event loop runs between two arrivals that are there already', needsDriver, async (t) => {
  const session = await connect(t, newFile(t))
  await beginAndFollow(session)
  await session.append([appendOf(numbers(2000)), appendOf(['last'])])
  let turns = 0
  const count = (): void => { turns++; turning = setImmediate(count) }
  let turning = setImmediate(count)
  let arrivals = 0
  await entriesUntil(session, 'last', async () => { arrivals++ })
  clearImmediate(turning)
  t.ok(arrivals > 3 && turns >= arrivals - 1, `${turns} turns in ${arrivals} arrivals`)
})

t.test('after `close` every call rejects, and so do those under way', needsDriver, async (t) => {
  const session = await connect(t, newFile(t))
  await beginAndFollow(session)
  await session.next()
  const pending = session.next()
  session.close()
  await t.rejects(pending, /closed/)
  await t.rejects(session.next(), /closed/)
  await t.rejects(session.look([question('events')]), /closed/)
  await t.rejects(session.append([appendOf(['a'])]), /closed/)
  await t.rejects(session.begin('events', undefined, EPOCHS[0], { publisher: 'test', counter: 1 }, Infinity), /closed/)
  session.wake()
  session.unfollow('events')
  session.close()
})

t.test('after the file could not be read every call rejects', needsDriver, async (t) => {
  let isArmed = false
  const engine = engineWith({ reading (sql) { if (isArmed && sql.includes('octet_length')) throw sqliteError('IOERR') } }, newFile(t))
  await engine.load()
  const session = await engine.connect()
  await beginAndFollow(session)
  isArmed = true
  await t.rejects(session.next(), /IOERR/)
  isArmed = false
  await t.rejects(session.append([appendOf(['a'])]), /IOERR/)
  await t.rejects(session.next(), /IOERR/)
})

t.test('an order that got no records for its time is removed with them, and one that got some is not', needsDriver, async (t) => {
  const file = newFile(t)
  const session = await connect(t, file)
  for (const order of ['old', 'kept', 'new']) await beginAndFollow(session, order)
  await session.append([
    appendOf(numbers(700), { order: 'old', keepFor: 1 }), appendOf(['a'], { order: 'kept' }), appendOf(['b'], { order: 'new', keepFor: 100_000 })
  ])
  const isRemoved = (): boolean => query(file, 'select * from sse_orders').length === 2
  while (!isRemoved()) await session.next()
  t.strictSame(query(file, 'select name from sse_orders order by name'), [{ name: 'kept' }, { name: 'new' }])
  t.strictSame(query(file, 'select body from sse_records where body is not null'), [{ body: 'a' }, { body: 'b' }])
  t.strictSame(await session.append([appendOf(['c'], { order: 'old' })]), [{ refused: true }])
  t.strictSame(await session.look([question('old')]), [undefined])
})

t.test('an order that was removed and begun again goes on under its name', needsDriver, async (t) => {
  const file = newFile(t)
  const [writer, reader] = [await connect(t, file), await connect(t, file)]
  await beginAndFollow(writer)
  await beginAndFollow(reader)
  await writer.append([appendOf(['a'], { keepFor: 1 })])
  await entriesUntil(reader, 'a')
  while (query(file, 'select * from sse_orders').length > 0) await writer.next()
  await writer.begin('events', undefined, EPOCHS[1], { publisher: 'test', counter: ++counter }, Infinity)
  await writer.append([appendOf(['b'], { epoch: EPOCHS[1] })])
  await follow(reader, 'events', { epoch: EPOCHS[0], offset: 1 })
  t.strictSame(bodiesOf(await entriesUntil(reader, 'b')), [undefined, 'b'])
})

t.test('ephemeral records that have been there for a time are deleted, and no others', needsDriver, async (t) => {
  const file = newFile(t)
  const session = await connect(t, file)
  await beginAndFollow(session)
  await session.append([appendOf(['a', ...numbers(600, 'e')])])
  const database = driver!.open(file)
  t.teardown(() => database.close())
  const AGE = 50
  const housekeeping = new Housekeeping(database, TABLES, AGE)
  t.equal(housekeeping.due(602).length, 0)
  const begun = performance.now()
  await session.append([appendOf(['b', 'e late'])])
  while (performance.now() - begun <= AGE) await new Promise((resolve) => setTimeout(resolve, 5))
  const [transaction] = housekeeping.due(604)
  t.strictSame([transaction?.run(), transaction?.run()], [true, false], 'in two transactions')
  t.strictSame(query(file, 'select body from sse_records where body is not null order by seq'), [{ body: 'a' }, { body: 'b' }, { body: 'e late' }])
  t.equal(housekeeping.due(604).length, 0)
})

t.test('a reader that has not read ephemeral records before they were deleted tells with the next one of their order', needsDriver, async (t) => {
  const file = newFile(t)
  const [writer, reader] = [await connect(t, file), await connect(t, file)]
  for (const order of ['events', 'others']) {
    await beginAndFollow(writer, order)
    await follow(reader, order, NO_POSITION)
  }
  await writer.append([appendOf(['e read']), appendOf(['e read too'], { order: 'others' })])
  await entriesUntil(reader, 'e read too')
  await writer.append([appendOf(['e1', 'e2', 'kept'])])
  const database = driver!.open(file)
  t.teardown(() => database.close())
  // As if the reader stood still for as long as ephemeral records are kept.
  const [transaction] = new Housekeeping(database, TABLES, 0).due(7)
  t.equal(transaction?.run(), false)
  await writer.append([appendOf(['e3'], { order: 'others' }), appendOf(['e4', 'e5'])])
  // Entries come by order.
  const entries = await entriesUntil(reader, 'e3')
  t.strictSame(entries.map(({ record, isAfterLoss }) => [record?.body, isAfterLoss]), [
    ['kept', undefined], ['e4', true], ['e5', undefined], ['e3', undefined]
  ], 'those that were read are no loss')
})

t.test('a log that has grown while another connection was reading is emptied afterwards', needsDriver, async (t) => {
  const file = newFile(t)
  const session = await connect(t, file)
  await beginAndFollow(session)
  const other = driver!.open(file)
  t.teardown(() => other.close())
  other.exec('begin')
  other.prepare('select * from sse_orders').all()
  for (let i = 0; i < 36; i++) await session.append([appendOf([String(i).repeat(500_000)])])
  const size = (): number => statSync(`${file}-wal`).size
  while ((await session.next()).length > 0);
  await session.next()
  await session.next()
  t.ok(size() > 16 * 1024 * 1024, 'not while it is read')
  other.exec('commit')
  while (size() > 0) await session.next()
})

t.test('a look puts off the expiry of an order that expires soon, and writes nothing for others', needsDriver, async (t) => {
  const file = newFile(t)
  const session = await connect(t, file)
  const database = driver!.open(file)
  t.teardown(() => database.close())
  for (const [keepFor, left, isPutOff] of [[4000, 3000, true], [60_000, 40_000, false], [60_000, 20_000, true]] as const) {
    const order = `${keepFor}-${left}`
    await session.begin(order, undefined, EPOCHS[0], { publisher: 'test', counter: ++counter }, keepFor)
    const before = Date.now() + left
    database.prepare('update sse_orders set expires = ? where name = ?').run(before, order)
    await session.look([question(order, undefined, keepFor)])
    const [{ expires }] = query(file, `select expires from sse_orders where name = '${order}'`) as [{ expires: number }]
    t.equal(expires > before, isPutOff, order)
  }
})
