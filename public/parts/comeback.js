/**
 * An EventSource that is made anew when the browser has given up on it (`readyState` 2, closed), and goes on where it was.
 *
 * A browser brings the last event ID with it when it comes back by itself; a new EventSource has none, so it stands in the URL.
 */
export class Comeback {
  #url
  #events
  #changed
  #base
  #cap
  #lastEventId
  #source
  #timer
  #failures = 0

  /**
   * @param {string} url
   * @param {object} options
   * @param {Record<string, (event: MessageEvent) => void>} options.events What to do with which event.
   * @param {(turn: { kind: 'connects' | 'opened' | 'retries' | 'gave up', readyState: number, failures: number, delay?: number }) => void} options.changed
   *   Told of every turn of the connection. `retries`: the browser does, by itself. `gave up`: a new EventSource follows after `delay` milliseconds.
   * @param {string} [options.lastEventId] Where to go on from.
   * @param {number} [options.base] Milliseconds that the first wait lasts at most; each further one twice as long.
   * @param {number} [options.cap] Milliseconds that any wait lasts at most.
   */
  constructor (url, { events, changed, lastEventId = '', base = 1000, cap = 15_000 }) {
    this.#url = url
    this.#events = events
    this.#changed = changed
    this.#lastEventId = lastEventId
    this.#base = base
    this.#cap = cap
  }

  /** Makes the first EventSource, or ends the wait for the next one. Never makes a second beside one that lives. */
  connect () {
    if (this.#source !== undefined && this.#source.readyState !== window.EventSource.CLOSED) return
    clearTimeout(this.#timer)
    const url = new URL(this.#url)
    if (this.#lastEventId !== '') url.searchParams.set('lastEventId', this.#lastEventId)
    const source = this.#source = new window.EventSource(url)
    source.addEventListener('open', () => this.#tell('opened'))
    source.addEventListener('error', () => this.#failed())
    for (const [type, handle] of Object.entries(this.#events)) {
      source.addEventListener(type, (event) => {
        this.#failures = 0
        // A new EventSource has no ID until one has come. Before an `sse.gap` none has: what is gone would never be told.
        if (event.lastEventId !== '') this.#lastEventId = event.lastEventId
        handle(event)
      })
    }
    this.#tell('connects')
  }

  #failed () {
    // Still connecting: the browser itself tries again. A second EventSource beside it would double every event.
    if (this.#source.readyState !== window.EventSource.CLOSED) return this.#tell('retries')
    // Anywhere in the whole range, so that the readers of a server that was down do not all come at once.
    const delay = Math.random() * Math.min(this.#cap, this.#base * 2 ** this.#failures++)
    this.#timer = setTimeout(() => this.connect(), delay)
    this.#tell('gave up', delay)
  }

  #tell (kind, delay) {
    this.#changed({ kind, readyState: this.#source.readyState, failures: this.#failures, delay })
  }
}
