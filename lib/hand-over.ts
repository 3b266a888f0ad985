import { Readable } from 'node:stream'
import { ReplyReplaced } from './errors.ts'
import type { AnyResponse } from './any-response.ts'

/**
 * A payload without a body. Fastify runs the onSend hooks and sets the headers of any stream it is given; then it pipes it, and in
 * that moment the response is complete but for its body. Whoever else reads it finds it empty.
 */
export class HandOver extends Readable {
  readonly #response: AnyResponse
  readonly #take: () => void
  readonly #failed: (error: unknown) => void

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

  override pipe<T extends NodeJS.WritableStream> (destination: T, options?: { end?: boolean }): T {
    if (destination as unknown !== this.#response) return super.pipe(destination, options)
    try {
      // Of a hook that meant another body: this one has no length, and is not encoded.
      this.#response.removeHeader('content-length')
      this.#response.removeHeader('content-encoding')
      this.#take()
      // Fastify watches a payload until it ends: now, so that it does not for as long as the stream is open.
      this.push(null)
      this.resume()
    } catch (error) {
      this.#failed(error)
      this.destroy(error as Error)
    }
    return destination
  }

  override _read (): void {
    this.#failed(new ReplyReplaced())
    // Not at once: the error is the answer, and has to come before this end becomes one.
    setImmediate(() => this.push(null))
  }
}
