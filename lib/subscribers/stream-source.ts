import { SourceInvalid } from '../errors.ts'
import { quote } from '../value-text.ts'

// Reads the items of a source from a generator, a Node.js stream, a web stream or any other async iterable.

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

/** What takes the items of a source. */
export interface Taker<T> {
  /** Consumes an item. Returns true, or a promise of true, when it wants the next item, false when the reader has left. */
  take (item: T): boolean | Promise<boolean>
  /** Called with an error of the iterator's `return`, which nothing awaits. */
  returnFailed (error: unknown): void
}

/**
 * Takes items one at a time, until they end or the reader leaves. If they have not ended by themselves, the `return` of the iterator is
 * called, even while the next item is pending.
 *
 * @param opened A promise of the iterator.
 * @param signal Aborted when the reader leaves.
 * @returns A promise of true if the items came to their end.
 * @throws any error of the source or of `take`.
 */
export function draw<T> (opened: Promise<AsyncIterator<T>>, signal: AbortSignal, taker: Taker<T>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const drawing = new Drawing(opened, signal, taker, resolve, reject)
    void drawing.run()
  })
}

class Drawing<T> {
  // Undefined once it is settled: an item that never comes must not keep the reader's request in memory.
  #taker: Taker<T> | undefined
  readonly #opened: Promise<AsyncIterator<T>>
  readonly #signal: AbortSignal
  readonly #resolve: (isComplete: boolean) => void
  readonly #reject: (error: unknown) => void
  readonly #leave = (): void => {
    this.#giveBack()
    this.#resolve(false)
  }

  constructor (
    opened: Promise<AsyncIterator<T>>, signal: AbortSignal, taker: Taker<T>, resolve: (isComplete: boolean) => void, reject: (error: unknown) => void
  ) {
    this.#opened = opened
    this.#signal = signal
    this.#taker = taker
    this.#resolve = resolve
    this.#reject = reject
    signal.addEventListener('abort', this.#leave)
    if (signal.aborted) this.#leave()
  }

  async run (): Promise<void> {
    let isAtItems = false
    try {
      const items = await this.#opened
      while (this.#taker !== undefined) {
        isAtItems = true
        const { done, value } = await items.next()
        isAtItems = false
        if (done) return this.#finish()
        // Read again, because the reader may have left meanwhile.
        const wantsMore = this.#taker?.take(value)
        if ((typeof wantsMore === 'object' ? await wantsMore : wantsMore) === false) this.#leave()
      }
    } catch (error) {
      // An iterator that has failed is not asked to return.
      if (isAtItems) this.#release()
      else this.#giveBack()
      this.#reject(error)
    }
  }

  #finish (): void {
    this.#release()
    this.#resolve(true)
  }

  #giveBack (): void {
    const taker = this.#taker
    if (taker === undefined) return
    // Not awaited: a generator that awaits something else runs its `return` only afterwards.
    returnOf(this.#opened).catch((error: unknown) => taker.returnFailed(error))
    this.#release()
  }

  #release (): void {
    this.#taker = undefined
    this.#signal.removeEventListener('abort', this.#leave)
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
