import { EVERYBODY, View } from '../../lib/channels.ts'
import { EventStreamParser, type ParsedEvent } from '../../client/event-stream-parser.ts'
import { encodeEvent } from '../../lib/encode.ts'
import { Hub } from '../../lib/hub.ts'
import { Log, type LogBounds } from '../../lib/log.ts'
import { createEpoch } from '../../lib/position.ts'
import { Pump } from '../../lib/pump.ts'
import type { Chunk } from '../../lib/chunk.ts'
import type { CloseReason } from '../../lib/close-reason.ts'
import type { ResponseWriter } from '../../lib/response-writer.ts'
import { Subscriber } from '../../lib/subscriber.ts'

/** A writer whose reader reads when the test says so. */
export class GatedWriter implements ResponseWriter {
  /** How many more writes the socket takes before it pushes back. */
  room = Infinity
  readonly writes: Chunk[] = []
  state: 'open' | 'ended' | 'destroyed' = 'open'
  readonly events: ParsedEvent[] = []
  readonly retries: number[] = []
  onClosed = (): void => {}
  readonly #parser = new EventStreamParser({
    event: (event) => this.events.push(event),
    retry: (time) => this.retries.push(time)
  })

  #drained: (() => void) | undefined

  write (chunk: Chunk): boolean {
    if (this.state !== 'open') throw new Error(`written to a response that is ${this.state}`)
    this.writes.push(chunk)
    this.#parser.push(chunk.plain.toString())
    return --this.room > 0
  }

  onceDrained (callback: () => void): void {
    this.#drained = callback
  }

  /** The reader reads what waits. */
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

  endLast (): void {
    this.end()
  }

  destroy (): void {
    this.state = 'destroyed'
    this.onClosed()
  }

  /** The data of the application's events. */
  get data (): string[] { return this.events.filter(({ type }) => type === 'message').map(({ data }) => data) }
}

/** The rooms of the fan-out, wired as the plugin wires them, without a server. */
export function createFanOut (bounds: Partial<LogBounds> = {}, { shutdownTimeout = 1000 } = {}) {
  const epoch = createEpoch()
  const log = new Log({ epoch, offset: 0 }, { maxEvents: 10_000, maxBytes: 16 * 1024 * 1024, maxAge: Infinity, ...bounds }, true, () => 0)
  const view = new View(log, [EVERYBODY])
  const pump = new Pump(log, view)
  const ended: Array<[Subscriber, CloseReason]> = []
  const hub = new Hub({
    reconnectionTime: { min: 1000, max: 5000 },
    shutdownTimeout,
    ready: (subscriber) => pump.add(subscriber),
    onClose: (subscriber, reason) => ended.push([subscriber, reason])
  })
  let offset = 0

  return {
    log,
    view,
    pump,
    hub,
    ended,
    publish (data: string): void {
      log.append({ epoch, offset: ++offset }, [EVERYBODY], encodeEvent('message', data))
      pump.wake(hub)
    },
    subscribe (cursor = log.head): { subscriber: Subscriber, writer: GatedWriter } {
      const writer = new GatedWriter()
      const subscriber = new Subscriber(view, hub, writer, {}, cursor)
      writer.onClosed = () => subscriber.responseClosed()
      hub.add(subscriber)
      return { subscriber, writer }
    },
    /** Until the pump has served whom it can. */
    async settled (): Promise<void> {
      const busy = (): boolean => [...{ [Symbol.iterator]: () => hub[Symbol.iterator]() }].some(({ waiting, queued }) => waiting || queued)
      do await new Promise(setImmediate); while (busy())
    }
  }
}
