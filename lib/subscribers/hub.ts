import type { Cursor } from '../cursor/cursor.ts'
import { demand } from '../option-rules.ts'
import { zeroCounters, type DeliveryCounters } from './counters.ts'
import type { Delivery } from './delivery.ts'
import type { ReconnectionTime } from './reconnection-time.ts'
import type { SubscriberLimits } from './subscriber-limits.ts'
import type { Subscriber, SubscriberOwner } from './subscriber.ts'
import type { Times } from '../time/clock.ts'
import type { ShutdownDeadline } from '../time/shutdown-deadline.ts'
import { clearTimeout, setTimeout } from '../time/timers.ts'
import { CLOSE_REASONS, type CloseReason } from '../wire/reasons.ts'
import type { StreamForm } from '../wire/stream-form.ts'

interface HubParts {
  readonly reconnectionTime: ReconnectionTime
  readonly shutdownDeadline: ShutdownDeadline
  readonly limits: SubscriberLimits
  /** The form of a stream that asks for no other. */
  readonly form: StreamForm
  /** The time of the hub's clock, in monotonic milliseconds. */
  now (): number
  /** Validates and encodes an event. @throws the error of `EventEncoder.encode` when the event or its payload is invalid */
  encode (event: string, payload: unknown): string
  /** Called when a subscriber has ended and is no longer counted. Must not throw. */
  onClose (subscriber: Subscriber, reason: CloseReason): void
  /** Called when an event for one subscriber could not be sent. */
  failed (error: unknown, event: string): void
  /** Called when the predicate of `disconnect` threw. */
  predicateFailed (error: unknown): void
}

/** The subscribers of one channel, each with its delivery. */
type Listeners = ReadonlyMap<Subscriber, Delivery>

const NO_LISTENERS: Listeners = new Map()

/** The subscribers of one registration of the plugin in this process, each from the moment its head is sent until its response closes. */
export class Hub implements SubscriberOwner {
  readonly counters: DeliveryCounters = zeroCounters()
  readonly #subscribers = new Set<Subscriber>()
  /** The subscribers of each channel, by name. A channel without subscribers has no entry. */
  readonly #byChannel = new Map<string, Map<Subscriber, Delivery>>()
  readonly #closes = Object.fromEntries(CLOSE_REASONS.map((reason) => [reason, 0])) as Record<CloseReason, number>
  readonly #parts: HubParts
  #reconnectionTime: ReconnectionTime

  constructor (parts: HubParts) {
    this.#parts = parts
    this.#reconnectionTime = parts.reconnectionTime
  }

  get size (): number { return this.#subscribers.size }

  get limits (): SubscriberLimits { return this.#parts.limits }

  get form (): StreamForm { return this.#parts.form }

  get now (): number { return this.#parts.now() }

  /** The number of channels that have subscribers. */
  get channels (): number { return this.#byChannel.size }

  /** The subscribers of a channel. */
  of (channel: string): Listeners { return this.#byChannel.get(channel) ?? NO_LISTENERS }

  /** The number of streams that have ended or never opened, by close reason. */
  get closes (): Readonly<Record<CloseReason, number>> { return { ...this.#closes } }

  /** The number of entries that the subscriber furthest behind has yet to get. */
  get lag (): number {
    // Counting reads every entry, so it is done only for cursors that may have the greatest lag: first the furthest one of each view, then
    // by their upper bounds.
    const furthest = new Map<object, Cursor>()
    for (const { delivery: { cursor } } of this.#subscribers) {
      if (!cursor.isBehind) continue
      const group = cursor.group ?? cursor
      if (cursor.index < (furthest.get(group)?.index ?? Infinity)) furthest.set(group, cursor)
    }
    const candidates = Array.from(furthest.values(), (cursor) => ({ cursor, most: cursor.mostLag })).sort((a, b) => b.most - a.most)
    let lag = 0
    for (const { cursor, most } of candidates) {
      if (most <= lag) break
      lag = Math.max(lag, cursor.lag)
    }
    return lag
  }

  [Symbol.iterator] (): Iterator<Subscriber> { return this.#subscribers.values() }

  /** Adds a subscriber whose head was sent. If the hub is closing, it ends the new stream immediately. */
  add (subscriber: Subscriber): void {
    this.#subscribers.add(subscriber)
    for (const channel of subscriber.channels) this.joined(subscriber, channel)
    if (this.#parts.shutdownDeadline.isUnderway) this.#sendAway([subscriber])
  }

  joined (subscriber: Subscriber, channel: string): void {
    const listeners = this.#byChannel.get(channel)
    if (listeners === undefined) this.#byChannel.set(channel, new Map([[subscriber, subscriber.delivery]]))
    else listeners.set(subscriber, subscriber.delivery)
  }

  left (subscriber: Subscriber, channel: string): void {
    const listeners = this.#byChannel.get(channel)
    listeners?.delete(subscriber)
    if (listeners?.size === 0) this.#byChannel.delete(channel)
  }

  encode (event: string, payload: unknown): string {
    return this.#parts.encode(event, payload)
  }

  failed (error: unknown, event: string): void {
    this.#parts.failed(error, event)
  }

  ended (subscriber: Subscriber, reason: CloseReason): void {
    this.#subscribers.delete(subscriber)
    for (const channel of subscriber.channels) this.left(subscriber, channel)
    this.#closes[reason]++
    this.#parts.onClose(subscriber, reason)
  }

  /** Counts a request that gets no stream. */
  turnedAway (reason: 'overload' | 'refused'): void {
    this.#closes[reason]++
  }

  /**
   * Ends the streams of the subscribers that a predicate picks, at their present positions. If the predicate throws, the error is logged
   * and that stream continues.
   *
   * @param channel The channel whose subscribers are asked about; undefined: all subscribers.
   * @param final True: the readers are told to stay away.
   * @returns The number of streams ended.
   */
  revoke (channel: string | undefined, predicate: (subscriber: Subscriber) => boolean, final: boolean): number {
    // All subscribers are picked before any stream ends, because a predicate may look at other subscribers.
    const picked = [...channel === undefined ? this.#subscribers : this.of(channel).keys()].filter((subscriber) => {
      try {
        const answer = predicate(subscriber)
        // A promise is refused, because it is truthy and would end every stream. Nothing awaits it, so its rejection is ignored.
        if (answer as unknown instanceof Promise) (answer as unknown as Promise<unknown>).catch(() => {})
        demand(typeof answer === 'boolean', 'disconnect.predicate', 'a function that returns true or false', answer)
        return answer
      } catch (error) {
        this.#parts.predicateFailed(error)
        return false
      }
    })
    return picked.filter(({ delivery }) => delivery.ending.revoke('revoked', final)).length
  }

  /** Handles the deadlines of all subscribers. Called at every tick of the clock. */
  checkDeadlines (times: Times): void {
    for (const { delivery } of this.#subscribers) delivery.checkDeadlines(times)
  }

  /** Draws a random reconnection time. @returns Milliseconds. */
  drawReconnectionTime (): number {
    const { min, max } = this.#reconnectionTime
    return Math.round(min + Math.random() * (max - min))
  }

  /** Sets the reconnection time, and sends it to all subscribers, now and whenever one opens. */
  setReconnectionTime (reconnectionTime: ReconnectionTime): void {
    this.#reconnectionTime = reconnectionTime
    for (const { delivery } of this.#subscribers) delivery.enqueueRetry()
  }

  /**
   * Ends every stream cleanly, also streams that open later, and cuts each whose reader has not received the end by the shutdown deadline.
   *
   * @returns A promise that resolves when no subscriber is left. A second call waits for subscribers that were added afterwards.
   */
  async close (): Promise<void> {
    this.#parts.shutdownDeadline.begin()
    this.#sendAway([...this.#subscribers])
    while (this.#subscribers.size > 0) await Promise.all(Array.from(this.#subscribers, ({ closed }) => closed))
  }

  #sendAway (subscribers: readonly Subscriber[]): void {
    // A native EventSource gives up for good on the 503 that Fastify sends while it closes. Each reader gets its own
    // reconnection time, so readers return late and spread out.
    for (const { delivery } of subscribers) delivery.ending.endForReconnect('shutdown')
    // All in one turn of the event loop: the first cut also closes the streams that share its connection.
    const cut = (): void => { for (const { delivery } of subscribers) delivery.ending.destroy('shutdown') }
    const { shutdownDeadline } = this.#parts
    if (shutdownDeadline.timeout === 0) return cut()
    const timer = setTimeout(cut, shutdownDeadline.left)
    void Promise.all(subscribers.map(({ closed }) => closed)).then(() => clearTimeout(timer))
  }
}
