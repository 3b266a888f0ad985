import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Source, SourceListener } from '../../client/source.ts'
import { FakeTabs, type Tab } from './fake-tabs.ts'
import { FakeTime } from './fake-time.ts'

interface Entry { readonly id: number, readonly isKept: boolean, readonly key: number, isReplaced: boolean }

/** What a server keeps: kept events have a number as their ID, ephemeral ones share that of the kept one before. */
class Log {
  readonly entries: Entry[] = []
  head = 0

  publish (isKept: boolean, key: number): void {
    if (isKept) {
      this.head++
      // As with latestBy: whoever has not got it yet gets the later one alone.
      for (const entry of this.entries) if (entry.isKept && key > 0 && entry.key === key) entry.isReplaced = true
    }
    this.entries.push({ id: this.head, isKept, key, isReplaced: false })
  }

  get count (): number { return this.entries.length }
}

/** A connection to it that makes a step when it is told to. */
class LogSource implements Source {
  readonly #log: Log
  readonly #listener: SourceListener
  lastEventId: string
  /** The next entry, and where ephemeral ones begin to be heard; undefined: not connected. */
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

  hear (): void {}
  hasten (): void {}
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

// A tab that is ahead of its leader has asked again by then.
const A_WHILE = 300

class World {
  readonly log = new Log()
  readonly tabs: FakeTabs<LogSource>
  readonly #time: FakeTime
  /** Where each tab has begun, once that is settled. */
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

  /** Lets all come to rest: everybody is back, everything has arrived. */
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

  /** Its first kept event is what it was to begin with; otherwise the place that it has been told. */
  #startOf ({ events, connection }: Opened): number {
    const first = events.find(({ type }) => type === 'kept')
    return first === undefined ? Number(connection.lastEventId) : Number(first.lastEventId) - 1
  }

  /** What is wrong with what the tabs have heard. */
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
      // One that reads for itself and then follows may hear one from both: such an event has nothing to know it by.
      if (tab.sources.length === 0 && ephemeral.some((place, index) => place <= (ephemeral[index - 1] ?? 0))) faults.push('an ephemeral event twice')
      if (faults.length === 0) return []
      return `tab ${tab.number}, from ${start}: ${faults.join('; ')}; heard ${tab.events.map(({ type, lastEventId }) => `${type} ${lastEventId}`).join(', ')}`
    })
  }

  /** Sources that are read from: one for all that share, and one for each tab that reads alone. */
  get faultsOfSources (): string[] {
    return this.#alive.filter(({ sources }) => sources.filter(({ isClosed }) => !isClosed).length > 1).map(({ number }) => `tab ${number} reads twice`)
  }
}

type Steps = Array<[kind: string, pick: number]>

const steps = (text: string): Steps => text.split(', ').map((step) => {
  const [, kind, pick] = /^(.*?) (\d+)$/.exec(step)!
  return [kind!, Number(pick)]
})

/** Found once, and looked at every time. */
const EXAMPLES: Array<[Steps]> = [
  // A tab that reads for itself follows a leader behind it, which has an ephemeral event to tell before it has caught up.
  [steps('grant 0, open from 0, deliver 0, deliver 0, read 0, publish ephemeral 0, deliver 0, deliver 0, deliver 0, publish 0, publish 0, deliver 0, ' +
    'deliver 0, publish 0, read 9, read 9')],
  // A tab that reads for itself was spared an event that was replaced, and is welcomed by a leader that has gone, and was not.
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

t.test('however messages, the lock and the ends of tabs interleave, no tab loses an event or gets one twice', async (t) => {
  const time = new FakeTime(t)
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), async (steps) => {
    const world = new World(t, time)
    world.log.publish(true, 0)
    world.open(undefined)
    for (const [kind, pick] of steps) await world.do(kind, pick)
    await world.rest()
    const faults = [...world.faults(), ...world.faultsOfSources]
    if (faults.length > 0) throw new Error(faults.join('\n'))
  }), { numRuns: 400, examples: EXAMPLES })
  t.pass('in 400 scenarios')
})
