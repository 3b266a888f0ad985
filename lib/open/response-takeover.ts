import { Readable } from 'node:stream'
import { ReplyReplaced } from '../errors.ts'
import type { AnyResponse } from '../response/any-response.ts'
import { setImmediate } from '../time/timers.ts'

type Listener = (...args: any[]) => void
type Listeners = ReadonlyMap<string | symbol, ReadonlySet<unknown>>

function listenersOf (response: AnyResponse): Listeners {
  return new Map(response.eventNames().map((event) => [event, new Set(response.rawListeners(event))]))
}

/**
 * A payload without a body, which takes the response over from Fastify.
 *
 * Fastify runs the onSend hooks and sets the headers of any payload that is a stream, then it pipes the payload. At that moment the response
 * is complete except for its body. Any other code that reads the payload finds it empty.
 */
export class ResponseTakeover extends Readable {
  readonly #response: AnyResponse
  readonly #take: () => void
  readonly #failed: (error: unknown) => void
  /** The listeners of the response before Fastify adds its own. */
  #listeners: Listeners | undefined

  /**
   * @param take Called when the response is complete except for its body.
   * @param failed Called if that does not happen: an onSend hook read the payload instead of returning it, or `take` threw.
   */
  constructor (response: AnyResponse, take: () => void, failed: (error: unknown) => void) {
    super()
    this.#response = response
    this.#take = take
    this.#failed = failed
  }

  /** Records the listeners of the response. Before it pipes, Fastify listens to the payload first and then to the response; hooks did so earlier. */
  override on (event: string | symbol, listener: Listener): this {
    if (event === 'close') this.#listeners = listenersOf(this.#response)
    return super.on(event, listener)
  }

  override pipe<T extends NodeJS.WritableStream> (destination: T, options?: { end?: boolean }): T {
    if (destination as unknown !== this.#response) return super.pipe(destination, options)
    try {
      // A hook may have set these for another body. An event stream has no length, and `take` sets its encoding.
      this.#response.removeHeader('content-length')
      this.#response.removeHeader('content-encoding')
      this.#stopWatching()
      this.#take()
      // Ends now: Fastify watches a payload until it ends, and would watch this one for as long as the event stream is open.
      this.push(null)
      this.resume()
    } catch (error) {
      this.#failed(error)
      // If no headers are sent, Fastify can still respond with the error.
      if (this.#response.headersSent) this.destroy(error as Error)
    }
    return destination
  }

  /** Removes Fastify's listeners. Every open stream would keep this payload, its reply and a kilobyte of useless listeners in memory. */
  #stopWatching (): void {
    if (this.#listeners === undefined) return
    for (const [event, listeners] of listenersOf(this.#response)) {
      const before = this.#listeners.get(event)
      for (const listener of listeners) if (before?.has(listener) !== true) this.#response.off(event as 'close', listener as Listener)
    }
  }

  override _read (): void {
    this.#failed(new ReplyReplaced())
    // Ends in a later turn, because the error response must be sent before the end of this payload would end the response.
    setImmediate(() => this.push(null))
  }
}
