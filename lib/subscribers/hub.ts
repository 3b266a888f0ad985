import type { Cursor } from '../cursor/cursor.ts'
import { demand } from '../option-rules.ts'
import { zeroCounters, type DeliveryCounters } from './counters.ts'
import type { Delivery } from './delivery.ts'
import type { Pumped } from './fan-out-pump.ts'
import type { ReconnectionTime } from './reconnection-time.ts'
import type { SubscriberLimits } from './subscriber-limits.ts'
import type { Subscriber, SubscriberOwner } from './subscriber.ts'
import type { Times } from '../time/clock.ts'
import type { ShutdownDeadline } from '../time/shutdown-deadline.ts'
import { clearTimeout, setTimeout } from '../time/timers.ts'
import { encodeHeartbeat } from '../wire/plugin-events.ts'
import { CLOSE_REASONS, type CloseReason } from '../wire/reasons.ts'

interface HubParts {
  readonly reconnectionTime: ReconnectionTime
  readonly shutdownDeadline: ShutdownDeadline
  readonly limits: SubscriberLimits
  /** Monotonic milliseconds. */
  now (): number
  /** An event of the application as it goes out. @throws what is wrong with it */
  encode (event: string, payload: unknown): string
  /** There is something to serve this one with. */
  ready (delivery: Pumped): void
  /** The socket of this one takes no more for now, or takes more again. */
  pushedBack (delivery: Pumped, isPushedBack: boolean): void
  /** This one ended; it is no longer counted. May throw: that is logged by whoever hands it in. */
  onClose (subscriber: Subscriber, reason: CloseReason): void
  /** What the application wanted to send to one subscriber failed. */
  failed (error: unknown, event: string): void
  /** The predicate of `disconnect` threw. */
  predicateFailed (error: unknown): void
}

/** The subscribers of a channel, each with its delivery. */
type Listeners = ReadonlyMap<Subscriber, Delivery>

const NOBODY: Listeners = new Map()

/**
 * The subscribers of this process, from the moment their head is sent until their response closes.
 */
export class Hub implements SubscriberOwner {
  readonly counters: DeliveryCounters = zeroCounters()
  readonly #subscribers = new Set<Subscriber>()
  /** Those of each channel that has any. */
  readonly #byChannel = new Map<string, Map<Subscriber, Delivery>>()
  readonly #closes = Object.fromEntries(CLOSE_REASONS.map((reason) => [reason, 0])) as Record<CloseReason, number>
  readonly heartbeat: string
  readonly #parts: HubParts
  #reconnectionTime: ReconnectionTime

  constructor (parts: HubParts) {
    this.#parts = parts
    this.heartbeat = encodeHeartbeat(parts.limits.heartbeatEvent)
    this.#reconnectionTime = parts.reconnectionTime
  }

  get size (): number { return this.#subscribers.size }

  get limits (): SubscriberLimits { return this.#parts.limits }

  get now (): number { return this.#parts.now() }

  /** Channels that somebody hears. */
  get channels (): number { return this.#byChannel.size }

  /** Those that hear a channel. */
  of (channel: string): Listeners { return this.#byChannel.get(channel) ?? NOBODY }

  /** How many streams ended, by reason, and how many never opened. */
  get closes (): Readonly<Record<CloseReason, number>> { return { ...this.#closes } }

  /** Entries that the subscriber furthest behind has still to get. */
  get lag (): number {
    // Counting costs a look at each entry, so it is done for as few as can be the one.
    const furthest = new Map<object, Cursor>()
    for (const { delivery: { cursor } } of this.#subscribers) {
      if (!cursor.isBehind) continue
      const rival = cursor.plainView ?? cursor
      if (cursor.index < (furthest.get(rival)?.index ?? Infinity)) furthest.set(rival, cursor)
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

  /** Takes in a subscriber whose head was sent. One that comes while the hub closes is sent away at once. */
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

  ready (delivery: Pumped): void {
    this.#parts.ready(delivery)
  }

  pushedBack (delivery: Pumped, isPushedBack: boolean): void {
    this.#parts.pushedBack(delivery, isPushedBack)
  }

  ended (subscriber: Subscriber, reason: CloseReason): void {
    this.#subscribers.delete(subscriber)
    for (const channel of subscriber.channels) this.left(subscriber, channel)
    this.#closes[reason]++
    this.#parts.onClose(subscriber, reason)
  }

  /** A reader got no stream. */
  turnedAway (reason: 'overload' | 'refused'): void {
    this.#closes[reason]++
  }

  /**
   * Ends the streams of those that a predicate picks, where they are. What it throws is logged, and spares the one it was asked about.
   *
   * @param channel Those that hear it; undefined: all.
   * @returns How many.
   */
  revoke (channel: string | undefined, predicate: (subscriber: Subscriber) => boolean, final: boolean): number {
    // First all, then the ends: a predicate may look at the others.
    const picked = [...channel === undefined ? this.#subscribers : this.of(channel).keys()].filter((subscriber) => {
      try {
        const answer = predicate(subscriber)
        // A promise would pass for true, and end everybody. Nobody waits for what becomes of it.
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

  /** Sees to what has become due for each. Called at every tick of the clock. */
  checkDeadlines (times: Times): void {
    for (const { delivery } of this.#subscribers) delivery.checkDeadlines(times)
  }

  /** A reconnection time in milliseconds, drawn anew at every call. */
  drawReconnectionTime (): number {
    const { min, max } = this.#reconnectionTime
    return Math.round(min + Math.random() * (max - min))
  }

  /** Tells every subscriber, those of now and those to come. */
  setReconnectionTime (reconnectionTime: ReconnectionTime): void {
    this.#reconnectionTime = reconnectionTime
    for (const { delivery } of this.#subscribers) delivery.enqueueRetry()
  }

  /**
   * Ends every stream cleanly, and cuts those whose readers have not taken their end in time. So it does with those that still come.
   *
   * @returns Resolves when nobody is left. May be asked again for those that came afterwards.
   */
  async close (): Promise<void> {
    this.#parts.shutdownDeadline.begin()
    this.#sendAway([...this.#subscribers])
    while (this.#subscribers.size > 0) await Promise.all(Array.from(this.#subscribers, ({ closed }) => closed))
  }

  #sendAway (subscribers: readonly Subscriber[]): void {
    // A native EventSource gives up for good on the 503 that Fastify answers while it closes: draw the comebacks apart, and late.
    for (const { delivery } of subscribers) delivery.ending.endForReconnect('shutdown')
    // All in one turn: those that share a connection are gone with the first.
    const cut = (): void => { for (const { delivery } of subscribers) delivery.ending.destroy('shutdown') }
    const { shutdownDeadline } = this.#parts
    if (shutdownDeadline.timeout === 0) return cut()
    const timer = setTimeout(cut, shutdownDeadline.left)
    void Promise.all(subscribers.map(({ closed }) => closed)).then(() => clearTimeout(timer))
  }
}
