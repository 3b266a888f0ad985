import { SourceInvalid } from '../errors.ts'
import { quote } from '../value-text.ts'

/**
 * Where the items of a stream come from: a generator, a stream of Node's or of the web, anything else that is an async iterable. Called
 * only if somebody is there to read; `signal` is aborted when the reader leaves. May return a promise, as what a request to another
 * server gives.
 */
export type Source<T> = (signal: AbortSignal) => AsyncIterable<T> | Promise<AsyncIterable<T>>

const LEFT = Symbol('left')

/**
 * Asks a source for its items.
 *
 * @throws FST_SSE_SOURCE_INVALID, and what the source throws
 */
export async function openSource (event: string, source: Source<unknown>, signal: AbortSignal): Promise<AsyncIterator<unknown>> {
  if (typeof source !== 'function') throw new SourceInvalid(quote(event), `is ${kindOf(source)}`)
  const given: unknown = source(signal)
  hearErrors(given)
  const items: unknown = await given
  hearErrors(items)
  if (isWebStream(items)) {
    if (items.locked) throw new SourceInvalid(quote(event), `gave ${kindOf(items)} that is locked: something else reads it`)
    return readWebStream(items)
  }
  if (!isIterable(items)) throw new SourceInvalid(quote(event), `gave ${kindOf(items)}`)
  const iterator = items[Symbol.asyncIterator]()
  return isNodeStream(items) ? { next: () => iterator.next(), return: () => destroy(items) } : iterator
}

/**
 * Draws items one at a time, until they end or the reader has left. The source is told in either case, even while it works on the
 * next item: its `return` is called.
 *
 * @param opened The items, perhaps later.
 * @param take Takes an item; resolves when it wants the next, with false when there is nobody to take it any more.
 * @param returnFailed A source that nobody waits for any more threw in its `return`.
 * @returns Whether the items came to their end.
 * @throws what the source throws, and what `take` throws
 */
export async function draw<T> (
  opened: Promise<AsyncIterator<T>>, signal: AbortSignal, take: (item: T) => Promise<boolean>, returnFailed: (error: unknown) => void
): Promise<boolean> {
  const pull = async (): Promise<IteratorResult<T>> => {
    const items = await opened
    // The reader left while they were on their way: they need not begin.
    return signal.aborted ? { done: true, value: undefined } : items.next()
  }
  const giveBack = async (): Promise<unknown> => {
    // That there are none is no failure once nobody wants them.
    const items = await opened.catch(() => undefined)
    return items?.return?.()
  }
  // Not `Promise.race`: each of its calls would leave something behind at a promise that lives as long as the stream.
  let leave = (): void => {}
  const onAbort = (): void => leave()
  signal.addEventListener('abort', onAbort)
  let running = true
  try {
    for (;;) {
      const next = await new Promise<IteratorResult<T> | typeof LEFT>((resolve, reject) => {
        leave = () => resolve(LEFT)
        if (signal.aborted) return leave()
        pull().then(resolve, (error: unknown) => {
          running = false
          reject(error)
        })
      })
      if (next === LEFT) return false
      if (next.done) {
        running = false
        return true
      }
      if (!await take(next.value)) return false
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Not awaited: a generator that waits for something else hears of it only afterwards.
    if (running) giveBack().catch(returnFailed)
  }
}

// Streams are known by what they can do: there are others than Node's own.

/** As much of a `ReadableStream` as is needed. Not every one can be iterated over. */
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

/** A stream that fails before its iterator listens would end the process; the iterator reports it all the same. */
function hearErrors (items: unknown): void {
  if (isNodeStream(items)) items.on('error', () => {})
}

/** The iterator of either kind would first wait for the next item, perhaps for ever. */
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
        // One that failed says so again, a request that heard of `signal` for instance. That nobody wants to know; what its own `cancel` throws, somebody does.
        const hasFailed = await reader.read().then(() => false, () => true)
        if (!hasFailed) throw error
      }
      return { done: true, value: undefined }
    }
  }
}

/** `Array`, `Object`, `Undefined`: never what is in it. */
function kindOf (value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}
