import { BatchCache } from './batch-cache.ts'
import { IDENTITY } from './entry-coding.ts'
import { GzipCoding } from './gzip-entry-coding.ts'
import { View } from './view.ts'
import type { ChannelIndex } from '../log/channel-index.ts'
import type { Log } from '../log/log.ts'
import type { CodingName } from '../wire/chunk.ts'

/**
 * The views of this process: one per distinct set of channels and coding that a subscriber hears.
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

  get size (): number { return this.#views.size }

  /** The view of a set of channels, for one more subscriber. Give it back with `release`. */
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

  release (view: View): void {
    if (--view.subscribers > 0) return
    this.#views.delete(view.key)
    for (const channel of view.parts) this.#channels.release(channel)
  }

  /** Drops the batches shared between subscribers. Call it when none is behind. */
  rest (): void {
    this.#batchCache.clear()
  }
}
