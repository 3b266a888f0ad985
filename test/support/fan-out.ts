import { EVERYBODY } from '../../lib/log/channel-name.ts'
import { Views } from '../../lib/cursor/views.ts'
import { ChannelIndex } from '../../lib/log/channel-index.ts'
import { LogCursor } from '../../lib/cursor/log-cursor.ts'
import { encodeOpen, encodeOpening } from '../../lib/wire/plugin-events.ts'
import { eventForm, type StreamForm } from '../../lib/wire/stream-form.ts'
import { EventStreamParser, type ParsedEvent } from '../../client/wire/event-stream-parser.ts'
import { ShutdownDeadline } from '../../lib/time/shutdown-deadline.ts'
import { encodeEvent } from '../../lib/wire/encode.ts'
import { Hub } from '../../lib/subscribers/hub.ts'
import { Log } from '../../lib/log/log.ts'
import { Replica } from '../../lib/log/replica.ts'
import type { LogBounds } from '../../lib/log/log-bounds.ts'
import { createEpoch } from '../../lib/broker/position.ts'
import { FanOutPump } from '../../lib/subscribers/fan-out-pump.ts'
import { textChunk, type Chunk } from '../../lib/wire/http-chunk.ts'
import type { CodingName } from '../../lib/wire/http-chunk.ts'
import { GzipWriter } from '../../lib/response/gzip-writer.ts'
import type { CloseReason } from '../../lib/wire/reasons.ts'
import type { ResponseWriter } from '../../lib/response/response-writer.ts'
import type { Timeouts } from '../../lib/time/deadlines.ts'
import { Delivery } from '../../lib/subscribers/delivery.ts'
import { Subscriber } from '../../lib/subscribers/subscriber.ts'
import type { SubscriberLimits } from '../../lib/subscribers/subscriber-limits.ts'
import { GzipReader } from './gzip-reader.ts'

/** A writer whose reader reads only when the test drains it. */
export class GatedWriter implements ResponseWriter {
  /** The number of further writes before the socket pushes back. */
  room = Infinity
  readonly writes: Chunk[] = []
  state: 'open' | 'ended' | 'destroyed' = 'open'
  isOpen = true
  backlog = 0
  mark = 0
  isFlushed = true
  sharedMark = 0
  readonly events: ParsedEvent[] = []
  readonly retries: number[] = []
  onClosed = (): void => {}
  readonly #gzip: GzipReader | undefined
  readonly #parser = new EventStreamParser({
    event: (event) => this.events.push(event),
    retry: (time) => this.retries.push(time)
  })

  #drained: (() => void) | undefined

  constructor (coding: CodingName = 'identity') {
    if (coding === 'gzip') this.#gzip = new GzipReader()
  }

  write (chunk: Chunk): boolean {
    if (this.state !== 'open') throw new Error(`written to a response that is ${this.state}`)
    this.writes.push(chunk)
    this.#parser.push(this.#gzip?.push(chunk.unframed) ?? chunk.unframed.toString())
    return --this.room > 0
  }

  onceDrained (callback: () => void): void {
    this.#drained = callback
  }

  /** Lets the reader read everything that waits. */
  drain (room = Infinity): void {
    this.room = room
    const callback = this.#drained
    this.#drained = undefined
    callback?.()
  }

  end (): void {
    this.state = 'ended'
    this.onClosed()
  }

  endIncomplete (): void {
    this.destroy()
  }

  closeConnectionAfterEnd (): void {}

  destroy (): void {
    this.state = 'destroyed'
    this.onClosed()
  }

  destroyConnection (): void {
    this.destroy()
  }

  /** The fault of a gzip stream that has ended, if any. */
  get gzipFault (): string | undefined { return this.state === 'ended' ? this.#gzip?.fault() : undefined }

  /** The data of the application's events. */
  get data (): string[] { return this.events.filter(({ type }) => type === 'message').map(({ data }) => data) }
}

const NEVER: Timeouts = { heartbeatInterval: Infinity, stallTimeout: Infinity, idleTimeout: Infinity, maxLifetime: Infinity }

export interface FanOutOptions extends Partial<Omit<SubscriberLimits, 'timeouts'>> {
  readonly timeouts?: Partial<Timeouts>
  readonly shutdownTimeout?: number
  readonly heartbeatEvent?: boolean
  readonly minBytesToCompress?: number
  /** The clock of the log, in milliseconds. */
  readonly now?: () => number
}

export interface Publishing {
  readonly channels?: readonly string[]
  readonly ephemeral?: boolean
  readonly key?: string
  readonly id?: string
}

interface Coming {
  readonly expiresAt?: number
  readonly coding?: CodingName
  readonly form?: StreamForm
}

interface Arrived {
  readonly subscriber: Subscriber
  readonly writer: GatedWriter
}

/** The writer of a delivery; a gzip stream has already begun with the opening that every stream has. */
export function codedWriter (writer: GatedWriter, coding: CodingName): ResponseWriter {
  if (coding === 'identity') return writer
  const gzipWriter = new GzipWriter(writer)
  const { room } = writer
  gzipWriter.write(textChunk(encodeOpen(1000, encodeOpening({ heartbeatInterval: false, heartbeatEvent: false }), null)))
  writer.room = room
  return gzipWriter
}

/** The fan-out, wired as the plugin wires it, without a server. */
export function createFanOut (bounds: Partial<LogBounds> = {}, options: FanOutOptions = {}) {
  const { shutdownTimeout = 1000, heartbeatEvent = false, timeouts = {}, minBytesToCompress = Infinity, now = () => 0, ...limits } = options
  const epoch = createEpoch()
  const log: Log = new Log({
    origin: { epoch, offset: 0 },
    bounds: { maxEvents: 10_000, maxBytes: 16 * 1024 * 1024, maxAge: Infinity, ...bounds },
    minBytesToCompress,
    keeps: true,
    now,
    evicted: (entry) => channels.evict(entry)
  })
  const channels = new ChannelIndex(log)
  const views = new Views(log, channels)
  const pump = new FanOutPump(log, views)
  const ended: Array<[Subscriber, CloseReason]> = []
  const failed: unknown[] = []
  const hub = new Hub({
    reconnectionTime: { min: 1000, max: 5000 },
    shutdownDeadline: new ShutdownDeadline(shutdownTimeout),
    limits: {
      maxBacklogBytes: 256 * 1024,
      maxChannelsPerSubscriber: 100,
      replaysGaps: true,
      closesSlow: false,
      endTimeout: Infinity,
      timeouts: { ...NEVER, ...timeouts },
      ...limits
    },
    form: eventForm({ heartbeatInterval: false, heartbeatEvent }),
    now: () => time,
    encode: (event, payload) => encodeEvent(event, String(payload)),
    onClose: (subscriber, reason) => ended.push([subscriber, reason]),
    failed: (error) => failed.push(error),
    predicateFailed: (error) => failed.push(error)
  })
  const replica = new Replica({
    log,
    channels,
    wake: (names) => { for (const name of names) pump.wake(hub.of(name)) },
    wakeAll: () => { for (const { delivery } of hub) pump.add(delivery) },
    served: () => pump.served()
  })
  let offset = 0
  let time = 0
  let awake = 0

  return {
    replica,
    log,
    channels,
    views,
    pump,
    hub,
    ended,
    failed,
    /** The view of the channel EVERYBODY. */
    view: () => views.acquire([EVERYBODY]),
    publish (data: string, { channels: names = [EVERYBODY], ephemeral = false, key, id }: Publishing = {}): void {
      const position = ephemeral ? null : { epoch, offset: ++offset }
      channels.append(position, { channels: names, body: encodeEvent('message', data), ephemeral, key, id, time: Date.now() })
      for (const name of names) pump.wake(hub.of(name))
    },
    subscribe (index = log.head, names: readonly string[] = [EVERYBODY], { expiresAt = Infinity, coding = 'identity', form = hub.form }: Coming = {}): Arrived {
      const writer = new GatedWriter(coding)
      const cursor = new LogCursor(log, views, views.acquire(names, coding), index)
      const subscriber = new Subscriber(hub, new Delivery(hub, pump, cursor, codedWriter(writer, coding), form, expiresAt), {})
      writer.onClosed = () => subscriber.responseClosed()
      hub.add(subscriber)
      return { subscriber, writer }
    },
    /** Moves the clock. @param real The new time in milliseconds. @param asleep Milliseconds since the last tick in which the process was blocked. */
    tick (real: number, asleep = 0): void {
      awake += real - time - asleep
      time = real
      hub.checkDeadlines({ real, awake })
      pump.tidy()
    },
    /** Waits until the pump has served every subscriber that it can. */
    async settled (): Promise<void> {
      const busy = (): boolean => [...{ [Symbol.iterator]: () => hub[Symbol.iterator]() }].some(({ delivery: { waiting, queued } }) => waiting || queued)
      do await new Promise(setImmediate); while (busy())
      // A socket that has just filled up gets two more turns before the log evicts what it has not taken.
      for (let turns = 0; turns < 2; turns++) await new Promise(setImmediate)
    }
  }
}
