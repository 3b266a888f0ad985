import type { Attempt, AttemptListener, Transport } from './attempt.ts'
import { drawWait, HEALTHY, type Backoff } from './backoff.ts'
import type { ParsedEvent } from './event-stream-parser.ts'
import { watchPage } from './page-life.ts'
import type { Source, SourceListener } from './source.ts'
import type { Closed, Status } from './status.ts'
import type { Verdict } from './verdict.ts'

export interface ConnectionOptions {
  readonly url: string
  readonly transport: Transport
  readonly lastEventId: string
  readonly backoff: Backoff
  readonly connectTimeout: number
}

// A timer that is later than this was held up, with its page or its machine: what came meanwhile may yet have to be looked at.
const LATE = 1000

// A server that asks for more is asked again all the same.
const LONGEST_WAIT = 86_400_000

// Of a timer. A longer one fires at once.
const LONGEST_TIMER = 2 ** 31 - 1

/** Keeps a stream open: one attempt at a time, and after a wait the next one, from the last event ID on. */
export class Connection implements Source {
  readonly #options: ConnectionOptions
  readonly #listener: SourceListener
  readonly #types = new Set(['sse.open', 'sse.gap', 'sse.close', 'sse.error', 'sse.heartbeat'])
  readonly #forgetPage: () => void
  #lastEventId: string
  #status: Status = { state: 'connecting' }
  #attempt: Attempt | undefined
  /** While it waits, the next try; while it connects, the end of patience; while it is open, the watchdog. */
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
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
        this.#turn({ state: 'waiting', retryAt: null })
      },
      shown: () => this.hasten(),
      returned: () => this.hasten(),
      slept: () => { if (this.#status.state !== 'waiting') this.#wait(0) }
    })
    this.#try()
  }

  get lastEventId (): string { return this.#lastEventId }

  hear (type: string): void {
    if (this.#types.has(type)) return
    this.#types.add(type)
    this.#attempt?.hear(type)
  }

  hasten (): void {
    if (this.#status.state !== 'waiting') return
    if (Date.now() < this.#notBefore) this.#wait(0)
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
    this.#attempt = transport({ url: url + place, lastEventId, types: this.#types }, this.#told)
    this.#connecting()
  }

  readonly #told: AttemptListener = {
    opened: () => {
      this.#openedAt = this.#lastSign = Date.now()
      clearTimeout(this.#timer)
      this.#turn({ state: 'open' })
    },
    retrying: () => this.#connecting(),
    sign: () => { this.#lastSign = Date.now() },
    retry: (reconnectionTime) => { this.#reconnectionTime = reconnectionTime },
    event: (event) => this.#hear(event),
    lost: (verdict) => this.#lost(verdict),
    error: (error) => this.#listener.error(error)
  }

  #connecting (): void {
    this.#assess()
    this.#silence = Infinity
    this.#timeOut(this.#options.connectTimeout, () => this.#lost({}))
    this.#turn({ state: 'connecting' })
  }

  #hear (event: ParsedEvent): void {
    const { type, data, lastEventId } = event
    this.#lastSign = Date.now()
    // Its id is for native readers, which are answered 204 when they bring it.
    if (type !== 'sse.close') this.#lastEventId = lastEventId
    if (type === 'sse.open') this.#watch(parsed(data))
    this.#listener.event(event)
    if (type === 'sse.close') {
      const { reason } = parsed(data)
      this.#end({ state: 'closed', reason: 'final', closeReason: typeof reason === 'string' ? reason : '' })
    }
  }

  /** A page cannot see comments: of those it would take any silence for the end. */
  #watch ({ heartbeatInterval, heartbeatEvent = this.#attempt?.seesComments }: Record<string, unknown>): void {
    if (typeof heartbeatInterval !== 'number' || !(heartbeatInterval > 0) || heartbeatEvent !== true) return
    this.#silence = 2 * heartbeatInterval
    this.#awaitSign(this.#silence)
  }

  #awaitSign (wait: number, isSecondLook = false): void {
    this.#timeOut(wait, (lateness) => {
      const left = this.#lastSign + this.#silence - Date.now()
      if (left > 0) this.#awaitSign(left)
      else if (lateness > LATE && !isSecondLook) this.#awaitSign(LATE, true)
      else this.#lost({})
    })
  }

  #lost ({ gone, httpStatus, wait = 0 }: Verdict): void {
    if (gone) return this.#end({ state: 'closed', reason: 'gone', httpStatus: gone })
    this.#assess()
    const asked = Math.min(Math.max(wait, this.#reconnectionTime), LONGEST_WAIT)
    this.#notBefore = Date.now() + asked
    this.#wait(asked + drawWait(this.#options.backoff, this.#failures++), httpStatus)
  }

  /** Whether what has just broken off counts as a success. */
  #assess (): void {
    if (Date.now() - this.#openedAt >= HEALTHY) this.#failures = 0
    this.#openedAt = Infinity
  }

  #wait (milliseconds: number, httpStatus?: number): void {
    this.#drop()
    const wait = Math.max(milliseconds, this.#notBefore - Date.now())
    this.#timeOut(wait, () => this.#try())
    this.#turn({ state: 'waiting', retryAt: Math.ceil(Date.now() + wait), ...(httpStatus && { httpStatus }) })
  }

  #end (status: Closed): void {
    if (this.#status.state === 'closed') return
    this.#drop()
    this.#forgetPage()
    this.#turn(status)
  }

  /** Never a second attempt beside one that lives: it would double every event. */
  #drop (): void {
    clearTimeout(this.#timer)
    this.#attempt?.close()
    this.#attempt = undefined
  }

  /** @param action Is told how much later than asked for it comes. */
  #timeOut (milliseconds: number, action: (lateness: number) => void): void {
    clearTimeout(this.#timer)
    const due = Date.now() + milliseconds
    if (milliseconds !== Infinity) this.#timer = setTimeout(() => action(Date.now() - due), Math.min(milliseconds, LONGEST_TIMER))
  }

  /** Comes last in what it is a turn of: whoever hears of it may close or reconnect. */
  #turn (status: Status): void {
    if (this.#status.state === 'closed' || (this.#status.state === status.state && status.state !== 'waiting')) return
    this.#status = status
    this.#listener.status(status)
  }
}

function parsed (data: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(data))
  } catch {
    return {}
  }
}
