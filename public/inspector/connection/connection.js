import { connect } from '../client.js'

const OWN_TYPES = ['message', 'sse.open', 'sse.gap', 'sse.close', 'sse.error', 'sse.heartbeat']
const nothing = () => {}

/** @typedef {{ event: string, text: boolean }} Declared */

/** The one stream that is looked at, through the typed client. */
export class Connection {
  #onEvent
  #onStatus
  #stream = null
  #heard = new Set()
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
   * A new stream in place of the one before.
   *
   * @param {import('./target.js').Target} target Its `url` is absolute.
   * @param {Declared[]} declared
   * @param {string} [lastEventId] Where to go on from; absent: with what comes next.
   */
  open (target, declared, lastEventId) {
    this.#stream?.close()
    this.target = target
    this.#heard = new Set()
    const stream = connect(target.url, {
      withCredentials: target.credentials,
      text: declared.filter(({ text }) => text).map(({ event }) => event),
      // Even without any header: it reads by fetch then, and sees events of every type.
      ...(target.transport === 'fetch' ? { headers: {} } : {}),
      ...(lastEventId ? { lastEventId } : {}),
      observe: (event) => { if (stream === this.#stream) this.#onEvent(event) },
      // What is not JSON is shown as the text that it is.
      onError: nothing
    })
    this.#stream = stream
    stream.onStatus((status) => { if (stream === this.#stream) this.#onStatus(status) })
    this.hear(declared)
    this.#onStatus(stream.status)
  }

  /**
   * With EventSource an event is seen only where its type is listened to. With fetch every one is, and a listener would only have each
   * payload parsed once more.
   *
   * @param {Declared[]} declared
   */
  hear (declared) {
    if (this.target?.transport !== 'eventsource') return
    for (const type of [...OWN_TYPES, ...declared.map(({ event }) => event)]) {
      if (this.#heard.has(type)) continue
      this.#heard.add(type)
      this.#stream?.on(type, nothing)
    }
  }

  cut () {
    this.#stream?.reconnect()
  }

  /** @param {string} lastEventId @param {Declared[]} declared */
  from (lastEventId, declared) {
    if (!this.isClosed) this.#stream?.reconnect(lastEventId)
    else if (this.target !== null) this.open(this.target, declared, lastEventId)
  }

  close () {
    this.#stream?.close()
  }
}
