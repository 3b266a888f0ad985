import type { Body } from './body.ts'

const QUOTE = 0x22
const N = 0x6e
const COLON = 0x3a
const COMMA = 0x2c
const POINT = 0x2e
const ZERO = 0x30

// States: the part that comes next in a reader's stream.
const SKIPPED = 0
const MARKER = 1
const NUMBER = 2
const TIME_NAME = 3
const TIME = 4

/** The JSON text of a payload begins with a brace and this marker. */
const BEFORE_NUMBER = '{"n":'.length
const TIME_NAME_LENGTH = ',"t":'.length

/** Receives the time in each event, if times are read. */
type OnTime = (publishedAt: number) => void

/**
 * Counts the events of many readers by the numbers in their payloads. Segments of bytes have any length and may be cut anywhere, also within a
 * number.
 *
 * Only the bytes between two payloads are examined: after a number, the length of the rest of its payload is known.
 */
export class Numbers implements Body {
  /** Events that arrived, duplicates included. */
  delivered = 0
  /** Numbers that were skipped. */
  lost = 0
  /** Numbers that are not higher than an earlier number of their reader. */
  doubles = 0
  /** True: the time of each event is read, which doubles the cost. */
  readsTimes = false
  readonly #bytes: number
  readonly #onTime: OnTime
  readonly #state: Uint8Array
  /** Bytes to skip, bytes of the marker that matched, or digits so far. */
  readonly #count: Int32Array
  readonly #value: Float64Array
  /** The value of the next decimal digit of a time. 0: no decimal point so far. */
  readonly #worth: Float64Array
  readonly #next: Int32Array

  /** @param bytes The size of each payload as JSON text. */
  constructor (readers: number, bytes: number, onTime: OnTime) {
    this.#bytes = bytes
    this.#onTime = onTime
    this.#state = new Uint8Array(readers).fill(MARKER)
    this.#count = new Int32Array(readers)
    this.#value = new Float64Array(readers)
    this.#worth = new Float64Array(readers)
    this.#next = new Int32Array(readers).fill(1)
  }

  /** Restarts the counts. The readers keep their positions. */
  begin (): void {
    this.delivered = this.lost = this.doubles = 0
  }

  /** Returns the number of events that a reader has received or lost. */
  reached (reader: number): number {
    return this.#next[reader]! - 1
  }

  read (reader: number, buffer: Uint8Array, start: number, end: number): void {
    let at = start
    while (at < end) {
      switch (this.#state[reader]) {
        case SKIPPED: at = this.#skip(reader, at, end); break
        case MARKER: at = this.#seek(reader, buffer, at, end); break
        case NUMBER: at = this.#number(reader, buffer, at, end); break
        case TIME_NAME: at = this.#timeName(reader, at, end); break
        default: at = this.#time(reader, buffer, at, end)
      }
    }
  }

  #skip (reader: number, at: number, end: number): number {
    const left = this.#count[reader]! - (end - at)
    if (left > 0) {
      this.#count[reader] = left
      return end
    }
    this.#enter(reader, MARKER, 0)
    return end + left
  }

  #seek (reader: number, buffer: Uint8Array, start: number, end: number): number {
    let matched = this.#count[reader]!
    for (let at = start; at < end; at++) {
      const byte = buffer[at]!
      if (byte === QUOTE) matched = matched === 2 ? 3 : 1
      else if (byte === N && (matched === 1 || matched === 3)) matched = 2
      else if (byte === COLON && matched === 3) {
        this.#enter(reader, NUMBER, 0)
        return at + 1
      } else matched = 0
    }
    this.#count[reader] = matched
    return end
  }

  #number (reader: number, buffer: Uint8Array, start: number, end: number): number {
    let value = this.#value[reader]!
    for (let at = start; at < end; at++) {
      const digit = buffer[at]! - ZERO
      if (digit < 0 || digit > 9) {
        this.#reach(reader, value)
        const read = BEFORE_NUMBER + this.#count[reader]! + at - start
        this.#enter(reader, this.readsTimes ? TIME_NAME : SKIPPED, this.readsTimes ? read : this.#bytes - read)
        return at
      }
      value = value * 10 + digit
    }
    this.#value[reader] = value
    this.#count[reader]! += end - start
    return end
  }

  // In this state, `#worth` counts the bytes of the name, and `#count` the bytes of the payload that have been read.
  #timeName (reader: number, at: number, end: number): number {
    const left = TIME_NAME_LENGTH - this.#worth[reader]!
    if (end - at < left) {
      this.#worth[reader]! += end - at
      return end
    }
    this.#enter(reader, TIME, this.#count[reader]! + TIME_NAME_LENGTH)
    return at + left
  }

  #time (reader: number, buffer: Uint8Array, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      const byte = buffer[at]!
      if (byte === COMMA) {
        this.#onTime(this.#value[reader]!)
        this.#enter(reader, SKIPPED, this.#bytes - this.#count[reader]! - (at - start))
        return at
      }
      if (byte === POINT) this.#worth[reader] = 0.1
      else if (this.#worth[reader] === 0) this.#value[reader] = this.#value[reader]! * 10 + byte - ZERO
      else {
        this.#value[reader]! += (byte - ZERO) * this.#worth[reader]!
        this.#worth[reader]! /= 10
      }
    }
    this.#count[reader]! += end - start
    return end
  }

  #reach (reader: number, n: number): void {
    const next = this.#next[reader]!
    this.delivered++
    if (n === next) this.#next[reader] = next + 1
    else if (n < next) this.doubles++
    else {
      this.lost += n - next
      this.#next[reader] = n + 1
    }
  }

  #enter (reader: number, state: number, count: number): void {
    this.#state[reader] = state
    this.#count[reader] = count
    this.#value[reader] = 0
    this.#worth[reader] = 0
  }
}
