import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Source, SourceListener } from '../../../client/connection/source.ts'
import { FakeTabs, type Tab } from './fake-tabs.ts'
import { FakeTime } from '../fake-time.ts'
import { tries } from '../../support/tries.ts'

interface Entry { readonly id: number, readonly isKept: boolean, readonly key: number, isReplaced: boolean }

/** Model of a server's log: a kept event has a number as its ID, an ephemeral event the ID of the kept event before it. */
class Log {
  readonly entries: Entry[] = []
  head = 0

  publish (isKept: boolean, key: number): void {
    if (isKept) {
      this.head++
      // Models latestBy: a reader that has not received the entry yet receives only the later one.
      for (const entry of this.entries) if (entry.isKept && key > 0 && entry.key === key) entry.isReplaced = true
    }
    this.entries.push({ id: this.head, isKept, key, isReplaced: false })
  }

  get count (): number { return this.entries.length }
}

/** A connection to the log that the test advances step by step. */
class LogSource implements Source {
  readonly #log: Log
  readonly #listener: SourceListener
  lastEventId: string
  /** Index of the next entry, undefined while disconnected. Ephemeral entries before `#since` are not sent. */
  #next: number | undefined
  #since = 0
  isClosed = false

  constructor (log: Log, from: string, listener: SourceListener) {
    this.#log = log
    this.lastEventId = from
    this.#listener = listener
  }

  get isBehind (): boolean { return !this.isClosed && (this.#next ?? -1) < this.#log.count }

  step (): void {
    if (this.isClosed) return
    if (this.#next === undefined) return this.#connect()
    const entry = this.#log.entries[this.#next]
    if (entry === undefined) return
    this.#next++
    if (entry.isKept ? entry.isReplaced : this.#next <= this.#since) return
    this.#tell(entry.isKept ? 'kept' : 'ephemeral', String(this.#next), String(entry.id))
  }

  reconnect (lastEventId = this.lastEventId): void {
    if (this.isClosed) return
    this.lastEventId = lastEventId
    this.#next = undefined
    this.#listener.status({ state: 'connecting' })
  }

  listenTo (): void {}
  retryNow (): void {}
  close (): void { this.isClosed = true }

  #connect (): void {
    const { entries, count, head } = this.#log
    const from = this.lastEventId === '' ? head : Number(this.lastEventId)
    const first = entries.findIndex(({ id, isKept }) => isKept && id > from)
    this.#next = first === -1 ? count : first
    this.#since = count
    this.#listener.status({ state: 'open' })
    this.#tell('sse.open', '{}', String(from))
  }

  #tell (type: string, data: string, lastEventId: string): void {
    this.lastEventId = lastEventId
    this.#listener.event({ type, data, lastEventId })
  }
}

type Opened = Tab<LogSource>

// Milliseconds after which a tab that is ahead of its leader has asked again.
const A_WHILE = 300

class World {
  readonly log = new Log()
  readonly tabs: FakeTabs<LogSource>
  readonly #time: FakeTime
  /** The ID after which each tab begins, once it is settled. */
  readonly #starts = new Map<Opened, number>()
  readonly #closed = new Set<Opened>()

  constructor (t: Test, time: FakeTime) {
    this.#time = time
    this.tabs = new FakeTabs(t, (from, listener) => new LogSource(this.log, from, listener))
  }

  get #alive (): Opened[] { return this.tabs.tabs.filter((tab) => !this.#closed.has(tab) && !this.tabs.isGone(tab)) }
  get #sources (): LogSource[] { return this.#alive.flatMap(({ sources }) => sources).filter(({ isBehind }) => isBehind) }

  open (from: number | undefined): void {
    if (this.#alive.length < 4) this.tabs.open(from === undefined ? {} : { lastEventId: String(Math.max(1, this.log.head - from)) })
  }

  readonly #away = new Set<Opened>()

  async do (kind: string, pick: number): Promise<void> {
    const one = <T>(list: readonly T[]): T | undefined => list[pick % list.length]
    const tab = one(this.#alive)
    const addressee = one(this.tabs.addressees)
    switch (kind) {
      case 'open': this.open(undefined); break
      case 'open from': this.open(pick % 4); break
      case 'publish': this.log.publish(true, pick % 4); break
      case 'publish ephemeral': this.log.publish(false, 0); break
      case 'read': one(this.#sources)?.step(); break
      case 'reconnect': if (tab !== undefined) await this.tabs.in(tab, () => tab.connection.reconnect()); break
      case 'deliver': if (addressee !== undefined) await this.tabs.deliver(addressee); break
      case 'grant': if (this.tabs.canGrant) await this.tabs.grant(); break
      case 'kill': if (tab !== undefined) await this.tabs.kill(tab); break
      case 'wait': this.#time.pass(A_WHILE, A_WHILE); break
      case 'close':
        if (tab === undefined) break
        this.#closed.add(tab)
        await this.tabs.in(tab, () => tab.connection.close())
        break
      case 'leave':
        if (tab === undefined) break
        await this.tabs.in(tab, () => this.#away.has(tab) ? tab.page.returned() : tab.page.left())
        if (!this.#away.delete(tab)) this.#away.add(tab)
    }
    await new Promise((resolve) => setImmediate(resolve))
    this.#noteStarts()
  }

  /** Brings all tabs to rest: left pages return, and every message and event arrives. */
  async rest (): Promise<void> {
    for (const tab of this.#alive) if (this.#away.has(tab)) await this.tabs.in(tab, () => tab.page.returned())
    do {
      await this.tabs.settle()
      this.#noteStarts()
      for (const source of this.#sources) source.step()
      this.#time.pass(A_WHILE, A_WHILE)
    } while (this.#sources.length > 0 || this.tabs.addressees.length > 0 || this.tabs.canGrant)
    this.#noteStarts()
  }

  #noteStarts (): void {
    for (const tab of this.tabs.tabs) {
      if (!this.#starts.has(tab) && tab.connection.lastEventId !== '') this.#starts.set(tab, this.#startOf(tab))
    }
  }

  /** The ID before the first kept event of a tab, or its last event ID if it has received no kept event. */
  #startOf ({ events, connection }: Opened): number {
    const first = events.find(({ type }) => type === 'kept')
    return first === undefined ? Number(connection.lastEventId) : Number(first.lastEventId) - 1
  }

  /** Lost, repeated and reordered events, one description for each tab with any. */
  faults (): string[] {
    const kept = this.log.entries.filter(({ isKept }) => isKept)
    return this.tabs.tabs.flatMap((tab) => {
      const faults: string[] = []
      const heard = tab.events.filter(({ type }) => type === 'kept').map(({ lastEventId }) => Number(lastEventId))
      const start = this.#starts.get(tab) ?? this.log.head
      const end = this.#alive.includes(tab) ? this.log.head : heard.at(-1) ?? start
      if (heard.some((id, index) => id <= (heard[index - 1] ?? start))) faults.push('twice, or out of order')
      const lost = kept.filter(({ id, isReplaced }) => id > start && id <= end && !isReplaced && !heard.includes(id))
      if (lost.length > 0) faults.push(`lost ${lost.map(({ id }) => id).join()}`)
      const ephemeral = tab.events.filter(({ type }) => type === 'ephemeral').map(({ data }) => Number(data))
      // A tab that reads for itself and then follows may receive an ephemeral event twice, since the event has no ID to compare.
      if (tab.sources.length === 0 && ephemeral.some((place, index) => place <= (ephemeral[index - 1] ?? 0))) faults.push('an ephemeral event twice')
      if (faults.length === 0) return []
      return `tab ${tab.number}, from ${start}: ${faults.join('; ')}; heard ${tab.events.map(({ type, lastEventId }) => `${type} ${lastEventId}`).join(', ')}`
    })
  }

  /** Tabs that have more than one source open. */
  get faultsOfSources (): string[] {
    return this.#alive.filter(({ sources }) => sources.filter(({ isClosed }) => !isClosed).length > 1).map(({ number }) => `tab ${number} reads twice`)
  }
}

type Steps = Array<[kind: string, pick: number]>

const steps = (text: string): Steps => text.split(', ').map((step) => {
  const [, kind, pick] = /^(.*?) (\d+)$/.exec(step)!
  return [kind!, Number(pick)]
})

/** Scenarios that failed once; every run repeats them. */
const EXAMPLES: Array<[Steps]> = [
  // A tab that reads for itself follows a leader behind it, which forwards an ephemeral event before it has caught up.
  [steps('grant 0, open from 0, deliver 0, deliver 0, read 0, publish ephemeral 0, deliver 0, deliver 0, deliver 0, publish 0, publish 0, deliver 0, ' +
    'deliver 0, publish 0, read 9, read 9')],
  // A tab that reads for itself skips a replaced event, and is welcomed by a leader that had received the event and has gone.
  [steps('grant 0, open 0, publish 0, open from 1, deliver 0, read 0, deliver 0, deliver 0, deliver 0, deliver 0, kill 10, deliver 0, deliver 0, ' +
    'deliver 0, publish 5, deliver 0, read 0, deliver 0, publish 1, kill 0, deliver 0, open 0, deliver 0, publish 0, read 0, deliver 0, read 0, ' +
    'publish 0, deliver 0, read 0, read 0')]
]

const step = fc.tuple(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('deliver', 'read') },
    { weight: 2, arbitrary: fc.constantFrom('publish', 'grant') },
    { weight: 1, arbitrary: fc.constantFrom('open', 'open from', 'publish ephemeral', 'kill', 'close', 'leave', 'reconnect', 'wait') }
  ),
  fc.nat(11)
)

t.test('no tab loses an event or receives one twice, in any order of messages, lock grants and tab ends', async (t) => {
  const time = new FakeTime(t)
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), async (steps) => {
    const world = new World(t, time)
    world.log.publish(true, 0)
    world.open(undefined)
    for (const [kind, pick] of steps) await world.do(kind, pick)
    await world.rest()
    const faults = [...world.faults(), ...world.faultsOfSources]
    if (faults.length > 0) throw new Error(faults.join('\n'))
  }), { ...tries(400), examples: EXAMPLES })
  t.pass('in every scenario')
})
