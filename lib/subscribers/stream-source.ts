import { SourceInvalid } from '../errors.ts'
import { quote } from '../value-text.ts'

// Reads the items of `subscriber.stream` from a generator, a Node.js stream, a web stream or any other async iterable.

/**
 * The source of `subscriber.stream`: a function that returns an async iterable, such as a generator, a Node.js stream or a web stream, or a
 * promise of one. It is called only if the reader is still there. `signal` is aborted when the event stream ends.
 *
 * @see docs/options.md
 */
export type Source<T> = (signal: AbortSignal) => AsyncIterable<T> | Promise<AsyncIterable<T>>

/**
 * Calls a source.
 *
 * @returns The iterator of its items.
 * @throws FST_SSE_SOURCE_INVALID when the source is no function or returns no async iterable; any error that the source throws.
 */
export async function openSource (event: string, source: Source<unknown>, signal: AbortSignal): Promise<AsyncIterator<unknown>> {
  if (typeof source !== 'function') throw new SourceInvalid(quote(event), `is ${kindOf(source)}`)
  const given: unknown = source(signal)
  ignoreErrors(given)
  const items: unknown = await given
  ignoreErrors(items)
  if (isWebStream(items)) {
    if (items.locked) throw new SourceInvalid(quote(event), `returned ${kindOf(items)} that is locked, because something else reads it`)
    return readWebStream(items)
  }
  if (!isIterable(items)) throw new SourceInvalid(quote(event), `returned ${kindOf(items)}`)
  const iterator = items[Symbol.asyncIterator]()
  return isNodeStream(items) ? { next: () => iterator.next(), return: () => destroy(items) } : iterator
}

/** The parts of `draw`. */
interface DrawingParts<T> {
  /** Consumes an item. Returns true, or a promise of true, when it wants the next item, false when the reader has left. */
  readonly take: (item: T) => boolean | Promise<boolean>
  /** Called with an error of the iterator's `return`, which nothing awaits. */
  readonly returnFailed: (error: unknown) => void
  /** Called once: with true when the items came to their end, with false when the reader left. */
  readonly resolve: (isComplete: boolean) => void
  /** Called once, with any error of the source or of `take`. */
  readonly reject: (error: unknown) => void
}

/**
 * Takes items one at a time, until they end or the reader leaves. If they have not ended by themselves, the `return` of the iterator is
 * called, even while the next item is pending.
 *
 * @param opened A promise of the iterator.
 * @param signal Aborted when the reader leaves.
 * @param take See `DrawingParts`.
 * @param returnFailed See `DrawingParts`.
 * @returns A promise of true if the items came to their end.
 * @throws any error of the source or of `take`.
 */
export function draw<T> (
  opened: Promise<AsyncIterator<T>>, signal: AbortSignal, take: (item: T) => boolean | Promise<boolean>, returnFailed: (error: unknown) => void
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const drawing = new Drawing(opened, signal, { take, returnFailed, resolve, reject })
    void drawing.run()
  })
}

class Drawing<T> {
  readonly #opened: Promise<AsyncIterator<T>>
  readonly #signal: AbortSignal
  // Undefined once it is settled: an item that never comes must not keep the reader's request in memory.
  #parts: DrawingParts<T> | undefined
  readonly #leave = (): void => this.#giveBack(({ resolve }) => resolve(false))

  constructor (opened: Promise<AsyncIterator<T>>, signal: AbortSignal, parts: DrawingParts<T>) {
    this.#opened = opened
    this.#signal = signal
    this.#parts = parts
    signal.addEventListener('abort', this.#leave)
    if (signal.aborted) this.#leave()
  }

  async run (): Promise<void> {
    let isAtItems = false
    try {
      const items = await this.#opened
      while (this.#parts !== undefined) {
        isAtItems = true
        const { done, value } = await items.next()
        isAtItems = false
        if (done) return this.#settle(({ resolve }) => resolve(true))
        // Read again, because the reader may have left meanwhile.
        const wantsMore = this.#parts?.take(value)
        if ((typeof wantsMore === 'object' ? await wantsMore : wantsMore) === false) this.#leave()
      }
    } catch (error) {
      // An iterator that has failed is not asked to return.
      if (isAtItems) this.#settle(({ reject }) => reject(error))
      else this.#giveBack(({ reject }) => reject(error))
    }
  }

  #settle (settle: (parts: DrawingParts<T>) => void): void {
    const parts = this.#parts
    this.#parts = undefined
    this.#signal.removeEventListener('abort', this.#leave)
    if (parts !== undefined) settle(parts)
  }

  #giveBack (settle: (parts: DrawingParts<T>) => void): void {
    const parts = this.#parts
    if (parts === undefined) return
    // Not awaited: a generator that awaits something else runs its `return` only afterwards.
    returnOf(this.#opened).catch(parts.returnFailed)
    this.#settle(settle)
  }
}

async function returnOf (opened: Promise<AsyncIterator<unknown>>): Promise<void> {
  // A source that fails to open after the reader has left is not reported.
  const items = await opened.catch(() => undefined)
  await items?.return?.()
}

// Streams are recognized by their methods, because not all of them are instances of Node's own classes.

/** The part of a `ReadableStream` that is used. Not every implementation is async iterable. */
interface WebStream {
  readonly locked?: boolean
  getReader (): { read (): Promise<{ done: boolean, value?: unknown }>, cancel (): Promise<unknown> }
}

interface NodeStream {
  on (event: 'error', listener: () => void): unknown
  destroy (): unknown
}

function isIterable (items: unknown): items is AsyncIterable<unknown> {
  return has(items, Symbol.asyncIterator)
}

function isWebStream (items: unknown): items is WebStream {
  return has(items, 'getReader') && has(items, 'cancel')
}

function isNodeStream (items: unknown): items is NodeStream {
  return has(items, 'pipe') && has(items, 'on') && has(items, 'destroy')
}

function has (items: unknown, method: PropertyKey): boolean {
  return typeof (items as Record<PropertyKey, unknown> | null | undefined)?.[method] === 'function'
}

/** Prevents a Node.js stream that fails before its iterator listens from ending the process. The iterator still reports the error. */
function ignoreErrors (items: unknown): void {
  if (isNodeStream(items)) items.on('error', () => {})
}

/** Destroys a stream. The `return` of its own iterator would first wait for the next item, perhaps forever. */
async function destroy (items: NodeStream): Promise<IteratorReturnResult<undefined>> {
  items.destroy()
  return { done: true, value: undefined }
}

function readWebStream (items: WebStream): AsyncIterator<unknown> {
  const reader = items.getReader()
  return {
    async next () {
      const { done, value } = await reader.read()
      return done ? { done, value: undefined } : { done: false, value }
    },
    async return () {
      try {
        await reader.cancel()
      } catch (error) {
        // A stream that had failed before, such as a request aborted by `signal`, rejects with its error again, which is ignored. Only an
        // error of `cancel` itself is reported.
        const hasFailed = await reader.read().then(() => false, () => true)
        if (!hasFailed) throw error
      }
      return { done: true, value: undefined }
    }
  }
}

/** The class of a value, such as `Array`, `Object` or `Undefined`; never its content. */
function kindOf (value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}
