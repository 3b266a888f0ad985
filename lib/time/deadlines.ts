import type { ResponseWriter } from '../response/response-writer.ts'
import type { TickInterval, Times } from './clock.ts'

const MIN_INTERVAL = 10
const MAX_INTERVAL = 1000
const TICKS_IN_TIMEOUT = 16

/** How often the clock has to look at what has become of the subscribers. */
export function tickIntervalFor (timeouts: Timeouts): TickInterval {
  // A part of the shortest time-out, so that none is late by much; a second at most, since each stream may expire at a moment of its own.
  const interval = Math.max(MIN_INTERVAL, Math.min(...Object.values(timeouts).map((timeout) => timeout / TICKS_IN_TIMEOUT), MAX_INTERVAL))
  // Under load a turn of the loop may take longer than two ticks, and is no halt. A halt must not count for a whole time-out.
  const { stallTimeout, idleTimeout } = timeouts
  return { interval, longestStep: Math.max(2 * interval, Math.min(stallTimeout / 4, idleTimeout / 4, MAX_INTERVAL)) }
}

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

/** What a stream shows of itself from one look to the next. */
export interface Signs {
  /** Something was written. To be said by whoever writes: a look at the time for each write would cost more than it. */
  wrote: boolean
  /** There was an event among it. */
  gaveEvent: boolean
  /** Its heartbeats are for pages to see, and a page does not see what it does not listen to: they come whatever else is written. */
  readonly showsHeartbeats: boolean
  /** Sources that are being streamed: such a stream is neither idle nor too old. Its reader could not go on where it ended. */
  readonly sources: number
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

/** The marks of a writer when they were last seen to change, and when that was. */
interface Progress {
  readonly mark: number
  readonly markedAt: number
  sharedMark: number
  sharedMarkedAt: number
}

// Ten thousand of these are open at once. Whole numbers, and what most of them do not have, take no memory beside them.
const DRAWS = 1024

/**
 * Tells what time does to one stream.
 *
 * Its deadlines are drawn apart: streams that came together, or fell silent with one broadcast, do not all end at once.
 */
export class Deadlines {
  readonly #timeouts: Timeouts
  /** Out of `DRAWS`. */
  readonly #draw = Math.trunc(Math.random() * DRAWS)
  readonly #oldAt: number | undefined
  readonly #expiresAt: number | undefined
  #silentSince: number
  #idleSince = 0
  /** While bytes wait. */
  #progress: Progress | undefined

  /**
   * @param now Milliseconds of the real clock.
   * @param expiresAt The same; Infinity: never.
   */
  constructor (timeouts: Timeouts, now: number, expiresAt: number) {
    this.#timeouts = timeouts
    this.#silentSince = now
    if (timeouts.maxLifetime !== Infinity) this.#oldAt = Math.ceil(now + timeouts.maxLifetime * (1 - LIFETIME_SPREAD * this.#drawn))
    if (expiresAt !== Infinity) this.#expiresAt = expiresAt
  }

  /**
   * Called at every tick of the clock, for every stream there is. What is due and not seen to is said again.
   *
   * @param signs Taken for seen.
   */
  check ({ real, awake }: Times, writer: ResponseWriter, signs: Signs): Due | undefined {
    const { stallTimeout, idleTimeout } = this.#timeouts
    const { isFlushed } = writer
    if (this.#isStalled(awake, writer, stallTimeout)) return 'stalled'
    if (this.#expiresAt !== undefined && real >= this.#expiresAt) return 'expired'
    if (this.#oldAt !== undefined && real >= this.#oldAt && signs.sources === 0) return 'lifetime'
    if (!isFlushed) {
      // Silence begins when nothing is on its way any more.
      signs.wrote = signs.gaveEvent = true
      return signs.showsHeartbeats && this.#isSilent(real) ? 'heartbeat' : undefined
    }
    if (signs.wrote) {
      if (!signs.showsHeartbeats) this.#silentSince = real
      signs.wrote = false
    }
    if (signs.gaveEvent) {
      this.#idleSince = awake
      signs.gaveEvent = false
    }
    if (signs.sources === 0 && awake - this.#idleSince >= idleTimeout * (1 + IDLE_SPREAD * this.#drawn)) return 'idle'
    return this.#isSilent(real) ? 'heartbeat' : undefined
  }

  /** A heartbeat was given that a page can see. */
  showedHeartbeat ({ real }: Times): void {
    this.#silentSince = real
  }

  #isSilent (real: number): boolean {
    return real - this.#silentSince >= this.#timeouts.heartbeatInterval * (HEARTBEAT_FROM + HEARTBEAT_SPREAD * this.#drawn)
  }

  #isStalled (awake: number, writer: ResponseWriter, stallTimeout: number): boolean {
    if (writer.backlog === 0) {
      this.#progress = undefined
      return false
    }
    const { mark, sharedMark } = writer
    const progress = this.#progress
    if (mark !== progress?.mark) {
      this.#progress = { mark, markedAt: awake, sharedMark, sharedMarkedAt: awake }
      return false
    }
    if (sharedMark !== progress.sharedMark) {
      progress.sharedMark = sharedMark
      progress.sharedMarkedAt = awake
    }
    return awake - progress.sharedMarkedAt >= stallTimeout || awake - progress.markedAt >= stallTimeout * SHARED_PATIENCE
  }

  /** From 0 to 1. */
  get #drawn (): number { return this.#draw / DRAWS }
}
