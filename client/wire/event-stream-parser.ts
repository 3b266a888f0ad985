// The parser of event streams.

/** An event as a reader dispatches it. */
export interface ParsedEvent {
  /** The event type; `message` if the stream names none. */
  readonly type: string
  /** The values of the `data` fields, joined by LF. */
  readonly data: string
  /** The last event ID after this event. */
  readonly lastEventId: string
}

interface ParserListener {
  event (event: ParsedEvent): void
  /** The stream set the reconnection time, in milliseconds. */
  retry? (reconnectionTime: number): void
  /** A comment, without its colon. */
  comment? (text: string): void
}

// In characters. An event that never ends would take all memory.
const LONGEST = 2 ** 24

/**
 * Parses an event stream piece by piece, wherever it was cut: text in, events out.
 *
 * Quotations are the steps of "Interpreting an event stream", WHATWG HTML 9.2.6.
 */
export class EventStreamParser {
  readonly #listener: ParserListener
  /** The beginning of a line whose end has not come yet. */
  #line = ''
  #isFirstPiece = true
  /** The last piece ended in CR: an LF at the start of the next one belongs to it. */
  #endedInCr = false
  #type = ''
  /** Undefined: no data field yet. Differs from the empty string, which is an event. */
  #data: string | undefined
  #lastEventId: string

  /** @param lastEventId The ID that an earlier stream reached, if this one resumes it. */
  constructor (listener: ParserListener, lastEventId = '') {
    this.#listener = listener
    this.#lastEventId = lastEventId
  }

  /** @throws RangeError when an event is too long; the rest of the stream cannot be parsed. */
  push (piece: string): void {
    if (!piece) return
    let start = 0
    if (this.#isFirstPiece) {
      this.#isFirstPiece = false
      // "One leading U+FEFF BYTE ORDER MARK character must be ignored if any are present."
      if (piece.startsWith('\uFEFF')) start = 1
    }
    if (this.#endedInCr && piece.startsWith('\n')) start = 1
    this.#endedInCr = piece.endsWith('\r')
    const lineEnd = /\r\n?|\n/g
    lineEnd.lastIndex = start
    // Only the new piece is searched: a line of ten megabytes in small pieces stays linear.
    for (let end = lineEnd.exec(piece); end; end = lineEnd.exec(piece)) {
      const line = this.#line + piece.slice(start, end.index)
      this.#line = ''
      start = lineEnd.lastIndex
      this.#readLine(line)
    }
    this.#line += piece.slice(start)
    if (this.#line.length + (this.#data ?? '').length > LONGEST) throw new RangeError('An event of more than 16 MiB')
  }

  #readLine (line: string): void {
    // "If the line is empty: dispatch the event."
    if (!line) return this.#dispatch()
    const colon = line.indexOf(':')
    // "If the line starts with a U+003A COLON character: ignore the line."
    if (colon === 0) return this.#listener.comment?.(line.slice(1))
    // "Otherwise, if the line contains a colon: ... if value starts with a U+0020 SPACE character, remove it."
    if (colon > 0) return this.#readField(line.slice(0, colon), line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1))
    // "Otherwise: the whole line is the field name, the empty string the field value."
    this.#readField(line, '')
  }

  #readField (name: string, value: string): void {
    switch (name) {
      case 'event':
        this.#type = value
        break
      case 'data':
        this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
        break
      case 'id':
        // "If the field value does not contain U+0000 NULL, then set the last event ID buffer to the field value."
        if (!value.includes('\0')) this.#lastEventId = value
        break
      case 'retry':
        // "If the field value consists of only ASCII digits."
        if (/^\d+$/.test(value)) this.#listener.retry?.(Number(value))
        break
    }
    // "Otherwise: the field is ignored."
  }

  #dispatch (): void {
    const data = this.#data
    const type = this.#type || 'message'
    this.#data = undefined
    this.#type = ''
    // "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and return."
    if (data !== undefined) this.#listener.event({ type, data, lastEventId: this.#lastEventId })
  }
}
