import type { Times } from './clock.ts'
import type { ResponseWriter } from './response-writer.ts'

/** Milliseconds; Infinity: never. */
export interface Timeouts {
  /** Silence, at most, before a heartbeat. */
  readonly heartbeatInterval: number
  /** Bytes wait, and the network takes none of them. */
  readonly stallTimeout: number
  /** No event. */
  readonly idleTimeout: number
  /** Age, at most. */
  readonly maxLifetime: number
}

/** What has become due. */
export type Due = 'stalled' | 'expired' | 'lifetime' | 'idle' | 'heartbeat'

// A heartbeat comes after 75 to 87.5 % of its interval. With what the clock is late it keeps within the interval.
const HEARTBEAT_FROM = 0.75
const HEARTBEAT_SPREAD = 0.125
const IDLE_SPREAD = 0.1
const LIFETIME_SPREAD = 0.2

// Of one stream among others on a connection only whole writes are seen to leave. That the connection moves speaks for it, but not for
// ever: it may be the others that move.
const SHARED_PATIENCE = 4

/**
 * Tells what time does to one stream.
 *
 * Its deadlines are drawn apart: streams that came together, or fell silent with one broadcast, do not all end at once.
 */
export class Watch {
  readonly #timeouts: Timeouts
  readonly #draw = Math.random()
  readonly #oldAt: number
  readonly #expiresAt: number
  #silentSince: number
  #idleSince = NaN
  /** The marks of the writer when they were last seen to change, and when that was. */
  #mark = NaN
  #markedAt = NaN
  #sharedMark = NaN
  #sharedMarkedAt = NaN

  /** Something was written since the last look. To be said by whoever writes: a look at the time for each write would cost more than it. */
  wrote = false
  /** There was an event among it. */
  gaveEvent = true
  /** Sources that are being streamed: such a stream is neither idle nor too old. Its reader could not go on where it ended. */
  sources = 0

  /**
   * @param now Milliseconds of the real clock.
   * @param expiresAt The same; Infinity: never.
   */
  constructor (timeouts: Timeouts, now: number, expiresAt: number) {
    this.#timeouts = timeouts
    this.#silentSince = now
    this.#oldAt = now + timeouts.maxLifetime * (1 - LIFETIME_SPREAD * this.#draw)
    this.#expiresAt = expiresAt
  }

  /** Called at every tick of the clock, for every stream there is. What is due and not seen to is said again. */
  look ({ real, awake }: Times, writer: ResponseWriter): Due | undefined {
    const { heartbeatInterval, stallTimeout, idleTimeout } = this.#timeouts
    const { isFlushed } = writer
    if (this.#isStalled(awake, writer, stallTimeout)) return 'stalled'
    if (real >= this.#expiresAt) return 'expired'
    if (real >= this.#oldAt && this.sources === 0) return 'lifetime'
    if (!isFlushed) {
      // Silence begins when nothing is on its way any more.
      this.wrote = this.gaveEvent = true
      return undefined
    }
    if (this.wrote) {
      this.#silentSince = real
      this.wrote = false
    }
    if (this.gaveEvent) {
      this.#idleSince = awake
      this.gaveEvent = false
    }
    if (this.sources === 0 && awake - this.#idleSince >= idleTimeout * (1 + IDLE_SPREAD * this.#draw)) return 'idle'
    if (real - this.#silentSince >= heartbeatInterval * (HEARTBEAT_FROM + HEARTBEAT_SPREAD * this.#draw)) return 'heartbeat'
    return undefined
  }

  #isStalled (awake: number, writer: ResponseWriter, stallTimeout: number): boolean {
    const mark = writer.backlog > 0 ? writer.mark : NaN
    if (mark !== this.#mark) {
      this.#mark = mark
      this.#sharedMark = writer.sharedMark
      this.#markedAt = this.#sharedMarkedAt = awake
      return false
    }
    const { sharedMark } = writer
    if (sharedMark !== this.#sharedMark) {
      this.#sharedMark = sharedMark
      this.#sharedMarkedAt = awake
    }
    return awake - this.#sharedMarkedAt >= stallTimeout || awake - this.#markedAt >= stallTimeout * SHARED_PATIENCE
  }
}
