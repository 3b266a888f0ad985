import type { Source, SourceListener } from '../../client/connection/source.ts'
import type { Status } from '../../client/connection/status.ts'

/** A source that the test controls. Like a real source it reports nothing after `close`. */
export class FakeSource implements Source {
  readonly #listener: SourceListener
  readonly heard: string[] = []
  readonly reconnects: Array<string | undefined> = []
  isClosed = false
  hastened = 0
  lastEventId: string

  constructor (listener: SourceListener, lastEventId = '') {
    this.#listener = listener
    this.lastEventId = lastEventId
  }

  listenTo (type: string): void { this.heard.push(type) }
  retryNow (): void { this.hastened++ }
  reconnect (lastEventId?: string): void { this.reconnects.push(lastEventId) }

  close (): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#listener.status({ state: 'closed', reason: 'closed' })
  }

  turn (status: Status): void {
    if (this.isClosed) return
    if (status.state === 'closed') this.isClosed = true
    this.#listener.status(status)
  }

  event (type: string, data: string, lastEventId = this.lastEventId): void {
    if (this.isClosed) return
    this.lastEventId = lastEventId
    this.#listener.event({ type, data, lastEventId })
  }

  begin (opening: string): void { this.#listener.began(opening) }
  fail (error: unknown): void { this.#listener.error(error) }
}
