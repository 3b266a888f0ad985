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
 * A payload without a body. Fastify runs the onSend hooks and sets the headers of any stream it is given; then it pipes it, and in
 * that moment the response is complete but for its body. Whoever else reads it finds it empty.
 */
export class ResponseTakeover extends Readable {
  readonly #response: AnyResponse
  readonly #take: () => void
  readonly #failed: (error: unknown) => void
  /** What listened to the response before Fastify began to watch over both. */
  #listeners: Listeners | undefined

  /**
   * @param take The response is yours.
   * @param failed It will not be: an onSend hook reads this instead of handing it on, or `take` threw.
   */
  constructor (response: AnyResponse, take: () => void, failed: (error: unknown) => void) {
    super()
    this.#response = response
    this.#take = take
    this.#failed = failed
  }

  /** Fastify, which is about to pipe it, listens to this just before it listens to the response. Hooks that do so did before. */
  override on (event: string | symbol, listener: Listener): this {
    if (event === 'close') this.#listeners = listenersOf(this.#response)
    return super.on(event, listener)
  }

  override pipe<T extends NodeJS.WritableStream> (destination: T, options?: { end?: boolean }): T {
    if (destination as unknown !== this.#response) return super.pipe(destination, options)
    try {
      // Of a hook that meant another body: this one has no length, and is not encoded.
      this.#response.removeHeader('content-length')
      this.#response.removeHeader('content-encoding')
      this.#stopWatching()
      this.#take()
      // Fastify watches a payload until it ends: now, so that it does not for as long as the stream is open.
      this.push(null)
      this.resume()
    } catch (error) {
      this.#failed(error)
      // Otherwise there can still be an answer that says so.
      if (this.#response.headersSent) this.destroy(error as Error)
    }
    return destination
  }

  /** Otherwise every open stream would hold on to this, to its reply, and to a kilobyte of listeners that have nothing to do any more. */
  #stopWatching (): void {
    if (this.#listeners === undefined) return
    for (const [event, listeners] of listenersOf(this.#response)) {
      const before = this.#listeners.get(event)
      for (const listener of listeners) if (before?.has(listener) !== true) this.#response.off(event as 'close', listener as Listener)
    }
  }

  override _read (): void {
    this.#failed(new ReplyReplaced())
    // Not at once: the error is the answer, and has to come before this end becomes one.
    setImmediate(() => this.push(null))
  }
}
