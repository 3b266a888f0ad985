import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Test } from 'tap'
import { EventStreamParser, type ParsedEvent } from '../../client/wire/event-stream-parser.ts'
import { tries } from '../support/tries.ts'

// fast-check checks properties here: a failure prints its seed and the smallest counterexample. Runs are few, because each of them
// goes over a socket.

export const RUNS = tries(300)

/**
 * A reader of one stream. The parser of the browser client and an independent one read its bytes, in pieces that may split a character.
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
      // The middle may lie within a character of several bytes.
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

  /** Opens the stream of a server on loopback; disconnects after the test. */
  static async open (t: Test, port: number, path = '/events'): Promise<TwoOpinions> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => get({ port, path, host: '127.0.0.1', agent: false }, resolve).on('error', reject))
    t.after(() => response.destroy())
    const reader = new TwoOpinions(response)
    const { type } = await reader.next()
    assert.equal(type, 'sse.open')
    return reader
  }

  /** The next event, on which both parsers must agree. */
  async next (): Promise<ParsedEvent> {
    while (this.#ours.length === 0) await new Promise<void>((resolve) => { this.#changed = resolve })
    const ours = this.#ours.shift()!
    const other = this.#others.shift()
    const agree = other?.data === ours.data && (other.event ?? 'message') === ours.type && (other.id ?? ours.lastEventId) === ours.lastEventId
    // Not an assertion of tap: within a property only a thrown error is found and shrunk.
    if (!agree) assert.deepEqual({ ...other }, { ...ours }, 'both parsers read equal events')
    assert.deepEqual(this.#complaints, [])
    return ours
  }

  leave (): void {
    this.#response.destroy()
  }
}

/** A text as readers get it: every lone surrogate becomes U+FFFD, and every line end becomes LF. */
export function asRead (text: string): string {
  return Buffer.from(text).toString().replaceAll(/\r\n|\r|\n/g, '\n')
}
