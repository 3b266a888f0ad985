import { connect } from '../client.js'

const OWN_TYPES = ['message', 'sse.open', 'sse.gap', 'sse.close', 'sse.error', 'sse.heartbeat']
const nothing = () => {}

/** @typedef {{ event: string, text: boolean }} Declared */

/** The stream under inspection, read by the typed client. */
export class Connection {
  #onEvent
  #onStatus
  #stream = null
  #listenedTo = new Set()
  /** @type {import('./target.js').Target | null} */
  target = null

  /** @param {(event: { type: string, data: string, lastEventId: string }) => void} onEvent @param {(status: any) => void} onStatus */
  constructor (onEvent, onStatus) {
    this.#onEvent = onEvent
    this.#onStatus = onStatus
  }

  get lastEventId () { return this.#stream?.lastEventId ?? '' }

  get isClosed () { return this.#stream === null || this.#stream.status.state === 'closed' }

  /**
   * Opens a stream in place of the previous one.
   *
   * @param {import('./target.js').Target} target Its `url` is absolute.
   * @param {Declared[]} declared
   * @param {string} [lastEventId] The event ID to resume from. Absent: new events only.
   */
  open (target, declared, lastEventId) {
    this.#stream?.close()
    this.target = target
    this.#listenedTo = new Set()
    const stream = connect(target.url, {
      withCredentials: target.credentials,
      text: declared.filter(({ text }) => text).map(({ event }) => event),
      // Even empty headers make the client read by fetch, which receives events of every type.
      ...(target.transport === 'fetch' ? { headers: {} } : {}),
      ...(lastEventId ? { lastEventId } : {}),
      observe: (event) => { if (stream === this.#stream) this.#onEvent(event) },
      // Data that is not JSON is shown as text.
      onError: nothing
    })
    this.#stream = stream
    stream.onStatus((status) => { if (stream === this.#stream) this.#onStatus(status) })
    this.listenTo(declared)
    this.#onStatus(stream.status)
  }

  /**
   * Listens to the declared events and to the plugin's own. An EventSource delivers no other events. With fetch, every event is delivered, and
   * a listener would only parse each payload once more.
   *
   * @param {Declared[]} declared
   */
  listenTo (declared) {
    if (this.target?.transport !== 'eventsource') return
    for (const type of [...OWN_TYPES, ...declared.map(({ event }) => event)]) {
      if (this.#listenedTo.has(type)) continue
      this.#listenedTo.add(type)
      this.#stream?.on(type, nothing)
    }
  }

  /** Drops the connection; the client reconnects. */
  cut () {
    this.#stream?.reconnect()
  }

  /** Reconnects and resumes from an event ID. @param {string} lastEventId @param {Declared[]} declared */
  resumeFrom (lastEventId, declared) {
    if (!this.isClosed) this.#stream?.reconnect(lastEventId)
    else if (this.target !== null) this.open(this.target, declared, lastEventId)
  }

  close () {
    this.#stream?.close()
  }
}
