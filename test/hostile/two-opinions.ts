import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Test } from 'tap'
import { EventStreamParser, type ParsedEvent } from '../../client/wire/event-stream-parser.ts'

// Properties are checked by fast-check: a failure prints its seed and the smallest counterexample. Runs are bounded, since each goes
// over a socket.

export const RUNS = { numRuns: 300 }

/**
 * A reader of one stream, whose bytes are read by the parser of the browser client and by an independent one, cut where neither likes it.
 */
export class TwoOpinions {
  readonly #response: IncomingMessage
  readonly #ours: ParsedEvent[] = []
  readonly #others: EventSourceMessage[] = []
  readonly #complaints: unknown[] = []
  #changed = (): void => {}

  private constructor (response: IncomingMessage) {
    this.#response = response
    const ours = new EventStreamParser({ event: (event) => this.#ours.push(event) })
    const other = createParser({ onEvent: (event) => this.#others.push(event), onError: (error) => this.#complaints.push(error) })
    const decoder = new TextDecoder()
    response.on('data', (bytes: Buffer) => {
      // Within a character, if there is a long one.
      const middle = bytes.length >> 1
      for (const piece of [bytes.subarray(0, middle), bytes.subarray(middle)]) {
        const text = decoder.decode(piece, { stream: true })
        ours.push(text)
        other.feed(text)
      }
      this.#changed()
    })
    response.on('error', () => {})
  }

  /** Opens the stream of a server on loopback, and leaves after the test. */
  static async open (t: Test, port: number, path = '/events'): Promise<TwoOpinions> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => get({ port, path, host: '127.0.0.1', agent: false }, resolve).on('error', reject))
    t.after(() => response.destroy())
    const reader = new TwoOpinions(response)
    const { type } = await reader.next()
    assert.equal(type, 'sse.open')
    return reader
  }

  /** The next event, on which both agree. */
  async next (): Promise<ParsedEvent> {
    while (this.#ours.length === 0) await new Promise<void>((resolve) => { this.#changed = resolve })
    const ours = this.#ours.shift()!
    const other = this.#others.shift()
    const agree = other?.data === ours.data && (other.event ?? 'message') === ours.type && (other.id ?? ours.lastEventId) === ours.lastEventId
    // Not of the test: within a property only what throws is found, and made smaller.
    if (!agree) assert.deepEqual({ ...other }, { ...ours }, 'both parsers read the same')
    assert.deepEqual(this.#complaints, [])
    return ours
  }

  leave (): void {
    this.#response.destroy()
  }
}

/** As a reader gets a text: lone surrogates have no UTF-8, and every line end arrives as LF. */
export function asRead (text: string): string {
  return Buffer.from(text).toString().replaceAll(/\r\n|\r|\n/g, '\n')
}
