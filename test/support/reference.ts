import { place } from '../../lib/cursor/placement.ts'
import { codedWriter, createFanOut, GatedWriter, type Publishing } from './fan-out.ts'
import type { CodingName } from '../../lib/wire/http-chunk.ts'
import { LogCursor } from '../../lib/cursor/log-cursor.ts'
import { Delivery } from '../../lib/subscribers/delivery.ts'
import { Subscriber } from '../../lib/subscribers/subscriber.ts'

// A simple model of what subscribers may and must hear, beside the implementation: no bounds, no cursors, no shared bytes, only what was
// requested and what arrived, each with its time.

interface Placed extends Required<Pick<Publishing, 'channels' | 'ephemeral'>> {
  readonly index: number
  readonly key: string | undefined
  /** The last event ID of a reader that got it. Several entries may share a custom id. */
  readonly eventId: string | undefined
  /** The time when a later entry of its key replaced it, by channel. */
  readonly replacedAt: Map<string, number>
}

/** The newest evicted index of each kind, at one moment. */
interface Evicted { readonly kept: number, readonly ephemeral: number }

type Arrival =
  | { readonly kind: 'entry', readonly index: number, readonly time: number }
  | { readonly kind: 'gap', readonly evicted: Evicted, readonly time: number }
  | { readonly kind: 'send', readonly number: number, readonly time: number }

/** A channel is heard from one index until it is left: none of its events is written afterwards. */
interface Hearing { readonly channel: string, readonly from: number, leftAt: number }

/** One subscriber, and everything that its reader received. */
interface Reading {
  readonly subscriber: Subscriber
  readonly writer: GatedWriter
  readonly hearings: Hearing[]
  /** Kept entries are due from this index on, ephemeral ones from `bornAt`. */
  readonly start: number
  readonly bornAt: number
  /** A reader with an unknown id gets a gap in any case. */
  readonly isStranger: boolean
  readonly arrivals: Arrival[]
  readonly sends: Array<{ readonly number: number, readonly place: number, handed: boolean | undefined }>
  /** The last event ID of its reader. */
  lastEventId: string | null
  end: { readonly index: number, readonly time: number, readonly isRevoked: boolean } | undefined
  isGone: boolean
}

export class Reference {
  readonly #fanOut: ReturnType<typeof createFanOut>
  readonly entries: Placed[] = []
  readonly readings: Reading[] = []
  #time = 0
  #sends = 0

  constructor (...bounds: Parameters<typeof createFanOut>) {
    this.#fanOut = createFanOut(...bounds)
  }

  get open (): Reading[] { return this.readings.filter(({ isGone, end }) => !isGone && end === undefined) }

  get gone (): Reading[] { return this.readings.filter(({ isGone }) => isGone) }

  /** @param padding Additional characters: more than a batch of them takes several sweeps. */
  publish ({ channels = ['*'], ephemeral = false, key, id }: Publishing, padding = 0): void {
    this.#time++
    const { log } = this.#fanOut
    const index = log.head
    const kind = key === undefined ? undefined : `${ephemeral ? 'e' : 'k'}${key}`
    this.#fanOut.publish(`${index} ${'x'.repeat(padding)}`, { channels, ephemeral, ...(kind === undefined ? {} : { key: kind }), ...(id === undefined || ephemeral ? {} : { id }) })
    for (const older of kind === undefined ? [] : this.entries) {
      if (older.key !== kind || this.#isEvicted(older, this.#evicted())) continue
      for (const channel of channels) if (older.channels.includes(channel) && !older.replacedAt.has(channel)) older.replacedAt.set(channel, this.#time)
    }
    const eventId = ephemeral ? undefined : `${id === undefined ? '' : `${id}@`}${log.lastEventId!}`
    this.entries.push({ index, channels, ephemeral, key: kind, eventId, replacedAt: new Map() })
  }

  /** @param lastEventId Undefined: the stream begins with the next event. */
  subscribe (names: readonly string[], lastEventId: string | undefined, coding: CodingName = 'identity'): void {
    this.#time++
    const { log, views, hub, pump } = this.#fanOut
    const view = views.acquire(names, coding)
    const { cursor: index, gap } = place(log, view, lastEventId === undefined ? { from: 'head' } : { from: 'id', id: lastEventId, isNamed: false }, 'replay')
    const cursor = new LogCursor(log, views, view, index)
    const writer = new GatedWriter(coding)
    const subscriber = new Subscriber(hub, new Delivery(hub, pump, cursor, codedWriter(writer, coding)), {})
    const { start, isStranger } = this.#startOf(lastEventId)
    const reading: Reading = {
      subscriber,
      writer,
      hearings: names.map((channel) => ({ channel, from: 0, leftAt: Infinity })),
      start,
      bornAt: log.head,
      isStranger: isStranger && names.length > 0,
      // Kept entries beyond the bounds are lost for this reader, even if they are still there for others.
      arrivals: gap === undefined ? [] : [{ kind: 'gap', evicted: { ...this.#evicted(), kept: log.oldest() - 1 }, time: this.#time }],
      sends: [],
      lastEventId: cursor.lastEventId,
      end: undefined,
      isGone: false
    }
    this.#record(reading)
    hub.add(subscriber)
    if (cursor.isBehind) pump.add(subscriber.delivery)
    this.readings.push(reading)
  }

  join (reading: Reading, channel: string): void {
    this.#time++
    const hears = reading.subscriber.channels.includes(channel)
    reading.subscriber.join(channel)
    if (!hears) reading.hearings.push({ channel, from: this.#fanOut.log.head, leftAt: Infinity })
  }

  leave (reading: Reading, channel: string): void {
    this.#time++
    reading.subscriber.leave(channel)
    for (const hearing of reading.hearings) {
      if (hearing.channel !== channel || hearing.leftAt !== Infinity) continue
      hearing.leftAt = this.#time
    }
  }

  send (reading: Reading): void {
    this.#time++
    const send = { number: this.#sends++, place: this.#fanOut.log.head, handed: undefined as boolean | undefined }
    reading.sends.push(send)
    void reading.subscriber.send('message', `s${send.number}`).then((handed) => { send.handed = handed })
  }

  close (reading: Reading, isRevoked: boolean): void {
    this.#time++
    reading.end = { index: this.#fanOut.log.head, time: this.#time, isRevoked }
    if (isRevoked) reading.subscriber.delivery.ending.revoke('revoked', false)
    else reading.subscriber.close()
  }

  /** The reader leaves. */
  cut (reading: Reading): void {
    this.#time++
    reading.isGone = true
    reading.writer.onClosed()
  }

  async turn (): Promise<void> {
    await new Promise(setImmediate)
  }

  /** Lets all readers read everything. */
  async finish (): Promise<void> {
    for (const { writer } of this.readings) writer.drain()
    await this.#fanOut.settled()
  }

  /** The faults in everything that arrived. */
  faults (): string[] {
    return this.readings.flatMap((reading, at) => this.#faultsOf(reading).map((fault) => `reader ${at}: ${fault}`))
  }

  /** Everything that is left after all readers have left. */
  leftovers (): string[] {
    for (const reading of this.readings) if (!reading.isGone) this.cut(reading)
    const { hub, views } = this.#fanOut
    const left = { subscribers: hub.size, 'channels that are heard': hub.channels, views: views.size }
    return Object.entries(left).filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what} are left`)
  }

  #record (reading: Reading): void {
    const { writer } = reading
    const write = writer.write.bind(writer)
    writer.write = (chunk) => {
      const before = writer.events.length
      const room = write(chunk)
      this.#time++
      for (const { type, data, lastEventId } of writer.events.slice(before)) {
        if (lastEventId !== '') reading.lastEventId = lastEventId
        const time = this.#time
        if (type === 'sse.open') continue
        if (type === 'sse.gap') reading.arrivals.push({ kind: 'gap', evicted: this.#evicted(), time })
        else if (data.startsWith('s')) reading.arrivals.push({ kind: 'send', number: Number(data.slice(1)), time })
        else reading.arrivals.push({ kind: 'entry', index: parseInt(data), time })
      }
      return room
    }
    writer.onClosed = () => reading.subscriber.responseClosed()
  }

  #evicted (): Evicted {
    const { log } = this.#fanOut
    return { kept: log.losses.kept, ephemeral: log.losses.ephemeral }
  }

  #isEvicted ({ index, ephemeral }: Placed, evicted: Evicted): boolean {
    return index <= (ephemeral ? evicted.ephemeral : evicted.kept)
  }

  #startOf (lastEventId: string | undefined): { start: number, isStranger: boolean } {
    const { log } = this.#fanOut
    if (lastEventId === undefined) return { start: log.head, isStranger: false }
    if (lastEventId === formatOrigin(log)) return { start: 0, isStranger: false }
    // The offsets of the fan-out are dense, and only kept entries have one.
    const offset = Number(/(?:^|@)\w{10}\.(\d+)$/.exec(lastEventId)?.[1])
    const entry = this.entries.filter(({ ephemeral }) => !ephemeral)[offset - 1]
    return entry === undefined ? { start: 0, isStranger: true } : { start: entry.index + 1, isStranger: false }
  }

  /** The channels by which a reader may get an entry at a time, without the channels that it has left. */
  #ways (reading: Reading, entry: Placed, time: number): string[] {
    return reading.hearings
      .filter(({ channel, from, leftAt }) => entry.channels.includes(channel) && entry.index >= from && leftAt > time)
      .map(({ channel }) => channel)
  }

  /** True when an entry lies between the start and the end of a stream. */
  #isDue (reading: Reading, entry: Placed): boolean {
    if (entry.index < (entry.ephemeral ? reading.bornAt : reading.start)) return false
    if (reading.end !== undefined && entry.index >= reading.end.index) return false
    return true
  }

  #isReplaced (entry: Placed, ways: readonly string[], time: number): boolean {
    return ways.every((channel) => (entry.replacedAt.get(channel) ?? Infinity) < time)
  }

  #faultsOf (reading: Reading): string[] {
    const { arrivals, end, writer: { gzipFault } } = reading
    const faults: string[] = gzipFault === undefined ? [] : [gzipFault]
    let last = -1
    const got = new Set<number>()
    for (const [at, arrival] of arrivals.entries()) {
      if (end?.isRevoked === true && arrival.time > end.time) faults.push('something was written after it was revoked')
      if (arrival.kind === 'entry') {
        const entry = this.entries[arrival.index]!
        if (arrival.index <= last) faults.push(`${arrival.index} came after ${last}`)
        last = arrival.index
        got.add(arrival.index)
        if (arrival.index < (entry.ephemeral ? reading.bornAt : reading.start) && !reading.isStranger) faults.push(`${arrival.index} is from before`)
        if (end !== undefined && arrival.index >= end.index) faults.push(`${arrival.index} came after the end`)
        const ways = this.#ways(reading, entry, arrival.time)
        if (ways.length === 0) faults.push(`${arrival.index} is of no channel of the reader`)
        else if (this.#isReplaced(entry, ways, arrival.time)) faults.push(`${arrival.index} had been replaced`)
      } else if (arrival.kind === 'send') {
        const { place } = reading.sends.find(({ number }) => number === arrival.number)!
        const isEarly = arrivals.slice(at).some((later) => later.kind === 'entry' && later.index < place)
        const isLate = arrivals.slice(0, at).some((earlier) => earlier.kind === 'entry' && earlier.index >= place)
        if (isEarly || isLate) faults.push(`send ${arrival.number} stands at another place than ${place}`)
      } else if (!this.#isTrueGap(reading, at, arrival.evicted)) {
        faults.push('a false gap')
      }
    }
    // After a stream was cut, only the arrivals are known.
    const isWhole = !reading.isGone && end?.isRevoked !== true && reading.subscriber.delivery.ending.reason !== 'slow'
    const horizon = isWhole ? this.entries.length : Math.max(last, 0)
    for (const entry of this.entries.slice(0, horizon)) {
      if (got.has(entry.index) || !this.#isDue(reading, entry)) continue
      const ways = this.#ways(reading, entry, Number.MAX_SAFE_INTEGER)
      if (ways.length === 0 || this.#isReplaced(entry, ways, Infinity)) continue
      const isTold = arrivals.some((arrival) => arrival.kind === 'gap' && this.#isEvicted(entry, arrival.evicted))
      if (!isTold) faults.push(`${entry.index} was lost without a gap`)
    }
    for (const { number, handed } of reading.sends) {
      const times = arrivals.filter((arrival) => arrival.kind === 'send' && arrival.number === number).length
      if (times !== (handed === true ? 1 : 0)) faults.push(`send ${number} came ${times} times, and said ${String(handed)}`)
      if (isWhole && end === undefined && handed !== true) faults.push(`send ${number} never came`)
    }
    return faults
  }

  /** True when an entry that the reader could hear, and had not received, was already gone at the gap. */
  #isTrueGap (reading: Reading, at: number, evicted: Evicted): boolean {
    if (reading.isStranger && at === 0) return true
    const before = new Set(reading.arrivals.slice(0, at).flatMap((arrival) => arrival.kind === 'entry' ? [arrival.index] : []))
    const told = reading.arrivals.slice(0, at).filter((arrival) => arrival.kind === 'gap')
    const { time } = reading.arrivals[at]!
    return this.entries.some((entry) => {
      if (!this.#isDue(reading, entry) || before.has(entry.index)) return false
      if (!this.#isEvicted(entry, evicted) || told.some((gap) => gap.kind === 'gap' && this.#isEvicted(entry, gap.evicted))) return false
      const ways = this.#ways(reading, entry, time)
      // Its replacement may come after the end of the stream: then the entry is lost for this reader.
      return ways.length > 0 && (reading.end !== undefined || !this.#isReplaced(entry, ways, time))
    })
  }
}

function formatOrigin (log: ReturnType<typeof createFanOut>['log']): string {
  return `${log.newest.epoch}.0`
}
