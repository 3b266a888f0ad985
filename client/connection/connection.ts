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

// A timer may have been held up with its page: what came meanwhile may yet have to be looked at.
const SECOND_LOOK = 1000

// One day. A server that asks for more is asked again all the same, and a timer of more than 24 days would fire at once.
const LONGEST_WAIT = 86_400_000

/** Keeps a stream open: one attempt at a time, and after a wait the next one, from the last event ID on. */
export class Connection implements Source {
  readonly #options: ConnectionOptions
  readonly #listener: SourceListener
  readonly #types = new Set(['sse.open', 'sse.gap', 'sse.close', 'sse.error', 'sse.heartbeat'])
  readonly #forgetPage: () => void
  #lastEventId: string
  #status: Status = { state: 'connecting' }
  #attempt: Attempt | undefined
  /** While it waits, the next try; while it connects, the end of patience; while it is open, the watchdog. All times are of a clock that nobody sets. */
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  /** The moment at which the head of the stream came. */
  #openedAt = Infinity
  /** The server wants to be left alone until then. */
  #notBefore = 0
  /** What the stream itself says of it. An EventSource keeps that to itself, and to it. */
  #reconnectionTime = 0
  /** The longest silence of a stream that lives. */
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
    // As text: to take it apart and join it again would change how it is written, and break one that is signed.
    const place = lastEventId === '' ? '' : `${url.includes('?') ? '&' : '?'}lastEventId=${encodeURIComponent(lastEventId)}`
    this.#attempt = transport({ url, place, lastEventId, types: this.#types }, this.#attemptListener)
    this.#assess()
    this.#connecting()
  }

  readonly #attemptListener: AttemptListener = {
    opened: () => {
      this.#openedAt = this.#lastSign = performance.now()
      this.#notBefore = 0
      // An EventSource does not show the comments of a quiet stream.
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
      // Streams that serve may end soon after they began, as with a short `maxLifetime`.
      if (!type.startsWith('sse.')) this.#failures = 0
      // Its id is for native readers, which are answered 204 when they bring it.
      if (type !== 'sse.close') this.#lastEventId = lastEventId
      if (type === 'sse.open') {
        const { heartbeatInterval, heartbeatEvent } = parsed(data)
        this.#silence = 2 * (heartbeatInterval as number)
        // To a page comments are nothing: of those it would take any silence for the end.
        if ((heartbeatEvent || this.#attempt!.seesComments) && this.#silence > 0) this.#awaitSign(this.#silence)
      }
      this.#listener.event(event)
      if (type !== 'sse.close') return
      this.#end({ state: 'closed', reason: 'final', closeReason: `${parsed(data).reason ?? ''}` })
    },
    lost: (failure) => this.#lost(failure),
    error: (error) => this.#listener.error(error)
  }

  #connecting (reason?: Reason): void {
    this.#silence = Infinity
    this.#timeOut(this.#options.connectTimeout, () => this.#lost({}, 'silent'))
    this.#setStatus({ state: 'connecting', ...(reason && { reason }) })
  }

  /** Something of the stream has come. @returns whether the stream still goes on: a listener that is told may end it. */
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
    // Who heard nothing has waited already. With the defaults it is back 40 s after its server, at most.
    const drawn = drawWait(this.#options.backoff, this.#failures++) / (silent ? 3 : 1)
    this.#wait(asked + drawn, silent ?? (httpStatus === undefined ? reason : 'refused'), httpStatus)
  }

  /** Whether the stream that has just broken off counts as a success. @returns why there is none */
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

  /** Never a second attempt beside one that lives: it would double every event. */
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

/** An object, whatever it is that came. */
export function parsed (data: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(data))
  } catch {
    return {}
  }
}
