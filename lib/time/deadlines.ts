import type { ResponseWriter } from '../response/response-writer.ts'
import type { TickInterval, Times } from './clock.ts'
import { isHeartbeatDue } from './heartbeat.ts'

const MIN_INTERVAL = 10
const MAX_INTERVAL = 1000
const TICKS_IN_TIMEOUT = 16

/** Computes how often the clock must tick so that no stream ends much later than its timeouts say. */
export function tickIntervalFor (timeouts: Timeouts): TickInterval {
  // A fraction of the shortest timeout, and at most a second, because each stream may have an `expiresAt` of its own.
  const interval = Math.max(MIN_INTERVAL, Math.min(...Object.values(timeouts).map((timeout) => timeout / TICKS_IN_TIMEOUT), MAX_INTERVAL))
  // Under load a turn of the event loop may take longer than two ticks, and counts in full. A suspension must not count for a whole timeout.
  const { stallTimeout, idleTimeout } = timeouts
  return { interval, longestStep: Math.max(2 * interval, Math.min(stallTimeout / 4, idleTimeout / 4, MAX_INTERVAL)) }
}

/** The timeouts of every stream, in milliseconds; Infinity: never. */
export interface Timeouts {
  /** The longest silence before a heartbeat. */
  readonly heartbeatInterval: number
  /** The time for which the socket may accept none of the waiting bytes. */
  readonly stallTimeout: number
  /** The time for which the stream may have no event. */
  readonly idleTimeout: number
  /** The longest time for which the stream may be open. */
  readonly maxLifetime: number
}

/** The state of one stream that its deadlines depend on. */
export interface Signs {
  /** True if bytes were written since the last tick. The stream sets a flag, because reading the clock for each write would cost too much. */
  wrote: boolean
  /** True if an event was written since the last tick. */
  gaveEvent: boolean
  /**
   * True if heartbeats are events, for pages. They come in every interval, whatever else is written, because a page does not see events that it
   * does not listen to.
   */
  readonly showsHeartbeats: boolean
  /**
   * The number of sources that are being streamed. While there are any, the stream is neither idle nor too old, because its reader could not
   * resume in the middle of a source.
   */
  readonly sources: number
}

/** A deadline that has passed: the reason to close the stream, or a heartbeat to send. */
export type Due = 'stalled' | 'expired' | 'lifetime' | 'idle' | 'heartbeat'

const IDLE_SPREAD = 0.1
const LIFETIME_SPREAD = 0.2

// On a shared HTTP/2 connection only whole writes are seen to complete. Progress of the connection counts in a stream's favour for this many
// stall timeouts and no longer, because it may be the progress of other streams.
const SHARED_PATIENCE = 4

/** The latest progress of a writer whose bytes wait. */
interface Progress {
  /** `ResponseWriter.mark`. */
  readonly mark: number
  /** The awake time at which `mark` was first seen. */
  readonly markedAt: number
  /** `ResponseWriter.sharedMark`. */
  sharedMark: number
  /** The awake time at which `sharedMark` was first seen. */
  sharedMarkedAt: number
}

// Draws are integers. Ten thousand instances are to be expected, and small integers and undefined fields need no extra allocation.
const DRAWS = 1024

/**
 * The deadlines of one stream.
 *
 * They are spread at random, so that streams that opened together, or fell silent after one broadcast, do not all end in the same moment.
 */
export class Deadlines {
  readonly #timeouts: Timeouts
  /** The random number of this stream, from 0 to `DRAWS` - 1. */
  readonly #draw = Math.trunc(Math.random() * DRAWS)
  readonly #lifetimeEndsAt: number | undefined
  readonly #expiresAt: number | undefined
  #silentSince: number
  #idleSince = 0
  /** Undefined while no bytes wait. */
  #progress: Progress | undefined

  /**
   * @param now The current time in milliseconds of the clock (`Times.real`).
   * @param expiresAt The time at which the stream expires, in milliseconds of the clock; Infinity: never.
   */
  constructor (timeouts: Timeouts, now: number, expiresAt: number) {
    this.#timeouts = timeouts
    this.#silentSince = now
    if (timeouts.maxLifetime !== Infinity) this.#lifetimeEndsAt = Math.ceil(now + timeouts.maxLifetime * (1 - LIFETIME_SPREAD * this.#drawn))
    if (expiresAt !== Infinity) this.#expiresAt = expiresAt
  }

  /**
   * Checks the deadlines. Called at every tick of the clock for every open stream.
   *
   * @param signs The state of the stream. The call resets `wrote` and `gaveEvent`, or sets them while bytes wait.
   * @returns The most severe deadline that has passed; undefined if none has. It is returned at every tick until it is dealt with.
   */
  check ({ real, awake }: Times, writer: ResponseWriter, signs: Signs): Due | undefined {
    const { stallTimeout, idleTimeout } = this.#timeouts
    const { isFlushed } = writer
    if (this.#isStalled(awake, writer, stallTimeout)) return 'stalled'
    if (this.#expiresAt !== undefined && real >= this.#expiresAt) return 'expired'
    if (this.#lifetimeEndsAt !== undefined && real >= this.#lifetimeEndsAt && signs.sources === 0) return 'lifetime'
    if (!isFlushed) {
      // Silence and idleness begin when all bytes have been sent.
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

  /** Starts the next heartbeat interval. Called after a heartbeat that pages can see. */
  showedHeartbeat ({ real }: Times): void {
    this.#silentSince = real
  }

  #isSilent (real: number): boolean {
    return isHeartbeatDue(real - this.#silentSince, this.#timeouts.heartbeatInterval, this.#drawn)
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

  /** The random number of this stream, from 0 to 1. */
  get #drawn (): number { return this.#draw / DRAWS }
}
