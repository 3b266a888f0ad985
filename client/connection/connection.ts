import type { Attempt, AttemptListener, Transport } from './attempt.ts'
import { drawWait, HEALTHY, type Backoff } from './backoff.ts'
import { watchPage } from './page-lifecycle.ts'
import type { Source, SourceListener } from './source.ts'
import type { Closed, Reason, Status } from './status.ts'
import type { Failure } from './failure.ts'

export interface ConnectionOptions {
  readonly url: string
  readonly transport: Transport
  readonly lastEventId: string
  readonly backoff: Backoff
  readonly connectTimeout: number
}

// The extra wait, in milliseconds, before a silent stream counts as lost: the timer of a page that was suspended may fire before the events
// that arrived in the meantime are dispatched.
const SECOND_LOOK = 1000

// One day, even if the server asks for a longer wait. A timer of more than 24 days would fire immediately.
const LONGEST_WAIT = 86_400_000

/** Keeps a stream open: makes one attempt at a time, waits after a failure, and resumes from the last event ID. */
export class Connection implements Source {
  readonly #options: ConnectionOptions
  readonly #listener: SourceListener
  readonly #types = new Set(['sse.open', 'sse.gap', 'sse.close', 'sse.error', 'sse.heartbeat'])
  readonly #forgetPage: () => void
  #lastEventId: string
  #status: Status = { state: 'connecting' }
  #attempt: Attempt | undefined
  /** The next attempt while waiting, `connectTimeout` while connecting, the watchdog while open. Times are of the monotonic clock. */
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  /** When the response head arrived. Infinity: it has not arrived, or its stream has been assessed. */
  #openedAt = Infinity
  /** The server asks for no attempt before this time. */
  #notBefore = 0
  /** The reconnection time that the stream set. An EventSource honours it by itself and does not expose it. */
  #reconnectionTime = 0
  /** The longest silence, in milliseconds, of a stream that is alive. Infinity: unlimited. */
  #silence = Infinity
  #lastSign = 0

  constructor (options: ConnectionOptions, listener: SourceListener) {
    this.#options = options
    this.#listener = listener
    this.#lastEventId = options.lastEventId
    this.#forgetPage = watchPage({
      left: () => {
        this.#drop()
        this.#setStatus({ state: 'waiting', reason: 'left', retryAt: null })
      },
      shown: () => this.retryNow(),
      returned: () => this.retryNow(),
      slept: () => { if (this.#status.state !== 'waiting') this.#wait(0, 'lost') }
    })
    this.#try()
  }

  get lastEventId (): string { return this.#lastEventId }

  listenTo (type: string): void {
    if (this.#types.has(type)) return
    this.#types.add(type)
    this.#attempt?.listenTo(type)
  }

  retryNow (): void {
    const status = this.#status
    if (status.state !== 'waiting') return
    if (performance.now() < this.#notBefore) this.#wait(0, status.reason, status.httpStatus)
    else this.#try()
  }

  reconnect (lastEventId = this.#lastEventId): void {
    if (this.#status.state === 'closed') return
    this.#lastEventId = lastEventId
    this.#try()
  }

  close (): void {
    this.#end({ state: 'closed', reason: 'closed' })
  }

  #try (): void {
    this.#drop()
    const { url, transport } = this.#options
    const lastEventId = this.#lastEventId
    // Concatenated as text: parsing and serializing the URL could change its spelling, which breaks a signed URL.
    const resumeQuery = lastEventId === '' ? '' : `${url.includes('?') ? '&' : '?'}lastEventId=${encodeURIComponent(lastEventId)}`
    this.#attempt = transport({ url, resumeQuery, lastEventId, types: this.#types }, this.#attemptListener)
    this.#assess()
    this.#connecting()
  }

  readonly #attemptListener: AttemptListener = {
    opened: () => {
      this.#openedAt = this.#lastSign = performance.now()
      this.#notBefore = 0
      // An EventSource hides comments, so a stream without events would stay `connecting`.
      this.#timeOut(HEALTHY, () => this.#isOpen())
    },
    retrying: () => this.#connecting(this.#assess()),
    comment: () => { this.#isOpen() },
    sign: () => { this.#lastSign = performance.now() },
    retry: (reconnectionTime) => { this.#reconnectionTime = reconnectionTime },
    event: (event) => {
      const { type, data, lastEventId } = event
      this.#lastSign = performance.now()
      if (!this.#isOpen()) return
      // An application's event is a success, even if the stream ends soon after its start, as with a short `maxLifetime`.
      if (!type.startsWith('sse.')) this.#failures = 0
      // The ID of `sse.close` is for the native EventSource: the server answers 204 to a request that carries it.
      if (type !== 'sse.close') this.#lastEventId = lastEventId
      if (type === 'sse.open') {
        const { heartbeatInterval, heartbeatEvent } = parsed(data)
        this.#silence = 2 * (heartbeatInterval as number)
        // Heartbeat comments are invisible to an EventSource: there, silence does not mean that the stream is dead.
        if ((heartbeatEvent || this.#attempt!.seesComments) && this.#silence > 0) this.#awaitSign(this.#silence)
      }
      this.#listener.event(event)
      if (type !== 'sse.close') return
      const { reason = '', status = reason } = parsed(data)
      this.#end({ state: 'closed', reason: 'final', closeReason: `${status}` })
    },
    lost: (failure) => this.#lost(failure),
    error: (error) => this.#listener.error(error)
  }

  #connecting (reason?: Reason): void {
    this.#silence = Infinity
    this.#timeOut(this.#options.connectTimeout, () => this.#lost({}, 'silent'))
    this.#setStatus({ state: 'connecting', ...(reason && { reason }) })
  }

  /** Records that something of the stream has arrived. @returns False if a status listener has ended the attempt. */
  #isOpen (): boolean {
    const attempt = this.#attempt
    this.#setStatus({ state: 'open' })
    return attempt === this.#attempt
  }

  #awaitSign (wait: number, isSecondLook = false): void {
    this.#timeOut(wait, () => {
      const left = this.#lastSign + this.#silence - performance.now()
      if (left > 0) this.#awaitSign(left)
      else if (!isSecondLook) this.#awaitSign(SECOND_LOOK, true)
      else this.#lost({}, 'silent')
    })
  }

  #lost ({ gone, httpStatus, wait = 0, ended }: Failure, silent?: Reason): void {
    if (gone) return this.#end(gone)
    const reason = this.#assess(ended)
    const asked = Math.min(Math.max(wait, this.#reconnectionTime), LONGEST_WAIT)
    this.#notBefore = performance.now() + asked
    // A silent stream has already cost a time-out, so the wait is shorter: with the defaults, a reader is back at most 45 s after its server.
    const drawn = drawWait(this.#options.backoff, this.#failures++) / (silent ? 3 : 1)
    this.#wait(asked + drawn, silent ?? (httpStatus === undefined ? reason : 'refused'), httpStatus)
  }

  /** Resets the failures if the stream that has just broken off counts as a success. @returns The reason why there is no stream now. */
  #assess (ended = false): Reason {
    const isOpen = this.#status.state === 'open'
    const reason = isOpen || this.#openedAt === Infinity ? 'lost' : 'later'
    if ((isOpen && ended) || performance.now() - this.#openedAt >= HEALTHY) this.#failures = 0
    this.#openedAt = Infinity
    return reason
  }

  #wait (milliseconds: number, reason: Reason, httpStatus?: number): void {
    this.#drop()
    const wait = Math.max(milliseconds, this.#notBefore - performance.now())
    this.#timeOut(wait, () => this.#try())
    this.#setStatus({ state: 'waiting', reason, retryAt: Math.ceil(Date.now() + wait), ...(httpStatus && { httpStatus }) })
  }

  #end (status: Closed): void {
    if (this.#status.state === 'closed') return
    this.#drop()
    this.#forgetPage()
    this.#setStatus(status)
  }

  /** Ends the current attempt and timer: two simultaneous attempts would deliver every event twice. */
  #drop (): void {
    clearTimeout(this.#timer)
    this.#attempt?.close()
    this.#attempt = undefined
  }

  #timeOut (milliseconds: number, action: () => void): void {
    clearTimeout(this.#timer)
    if (milliseconds !== Infinity) this.#timer = setTimeout(action, Math.min(milliseconds, LONGEST_WAIT))
  }

  /** Call this last: a listener may close or reconnect synchronously. */
  #setStatus (status: Status): void {
    const { state, reason } = this.#status
    if (state === 'closed' || (state === status.state && state !== 'waiting' && (!status.reason || status.reason === reason))) return
    this.#status = status
    this.#listener.status(status)
  }
}

/** Parses JSON into an object. Invalid JSON and other values give an object without the expected properties. */
export function parsed (data: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(data))
  } catch {
    return {}
  }
}
