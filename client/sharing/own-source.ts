import type { Source, SourceListener } from '../connection/source.ts'

/** The connection that a tab opens itself, to read as the leader or alone. A tab that follows a leader has none. */
export class OwnSource {
  readonly #open: (lastEventId: string, listener: SourceListener) => Source
  #source: Source | undefined

  constructor (open: (lastEventId: string, listener: SourceListener) => Source) {
    this.#open = open
  }

  get isOpen (): boolean { return this.#source !== undefined }

  /** Opens a connection in place of the current one. A connection that has been replaced or closed reports neither events nor statuses. */
  open (lastEventId: string, listener: SourceListener): void {
    this.close()
    const source = this.#source = this.#open(lastEventId, {
      ...listener,
      status: (status) => { if (this.#source === source) listener.status(status) },
      event: (event) => { if (this.#source === source) listener.event(event) }
    })
  }

  close (): void {
    const source = this.#source
    this.#source = undefined
    source?.close()
  }

  reconnect (): void { this.#source?.reconnect() }

  retryNow (): void { this.#source?.retryNow() }
}
