import { BatchCache } from './batch-cache.ts'
import { IDENTITY } from './entry-coding.ts'
import { GzipCoding } from './gzip-entry-coding.ts'
import { View } from './view.ts'
import type { ChannelIndex } from '../log/channel-index.ts'
import type { Log } from '../log/log.ts'
import type { CodingName } from '../wire/http-chunk.ts'

/**
 * The views of this process: one for each distinct set of channels and coding that has subscribers.
 */
export class Views {
  readonly #log: Log
  readonly #channels: ChannelIndex
  readonly #views = new Map<string, View>()
  readonly #batchCache: BatchCache

  constructor (log: Log, channels: ChannelIndex) {
    this.#log = log
    this.#channels = channels
    this.#batchCache = new BatchCache(log)
  }

  /** The number of views. */
  get size (): number { return this.#views.size }

  /**
   * Acquires the view of a set of channels for one more subscriber. The view stays until `release` was called for each `acquire`.
   *
   * @param names The channels in any order; duplicates are ignored.
   */
  acquire (names: Iterable<string>, coding: CodingName = 'identity'): View {
    const channels = [...new Set(names)].sort()
    const key = `${coding}\n${channels.join('\n')}`
    let view = this.#views.get(key)
    if (view === undefined) {
      const coder = coding === 'gzip' ? new GzipCoding(this.#log) : IDENTITY
      view = new View(key, this.#log, channels.map((name) => this.#channels.acquire(name)), coder, this.#batchCache)
      this.#views.set(key, view)
    }
    view.subscribers++
    return view
  }

  /** Releases a view that was acquired. */
  release (view: View): void {
    if (--view.subscribers > 0) return
    this.#views.delete(view.key)
    for (const channel of view.parts) this.#channels.release(channel)
  }

  /** Drops the shared batches. Called when no subscriber is behind. */
  rest (): void {
    this.#batchCache.clear()
  }
}
