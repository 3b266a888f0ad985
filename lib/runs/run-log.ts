import { Buffer } from 'node:buffer'
import type { Batch } from '../cursor/batch-cache.ts'
import { MAX_BATCH_BYTES } from '../cursor/batch-cache.ts'
import { formatPosition, type Position } from '../broker/position.ts'
import type { GapReason } from '../wire/reasons.ts'
import { sharedTextChunk, textChunk } from '../wire/http-chunk.ts'
import { ItemPage } from './item-page.ts'
import type { Merger, Mergers } from '../schema/merger.ts'
import { ItemGroup } from './item-group.ts'

// A page is a small part of what a run may take, because the oldest page leaves as a whole.
const MAX_PAGE_BYTES = 256 * 1024
const PAGES = 16

const EVENT = 'event: '
const DATA = 'data: '
const END = '\n\n'

/** The bounded items of one run, numbered from 1. */
export class RunLog {
  /** The first part of the event ID of every item. */
  readonly key: string
  readonly #maxBytes: number
  readonly #mergers: Mergers
  #pages: ItemPage[] = []
  /** The newest page. */
  #page: ItemPage | undefined
  /** The head of the last item, which most items share. */
  #lastHead = DATA
  /** The newest item, which live readers get without unpacking it. */
  #newest = ''
  #head = 1
  #first = 1
  #bytes = 0
  /** The number of the first item after the newest hole that another process left; 0: there is none. */
  #holeBefore = 0
  /** The batch that was made last: most readers are at one place. */
  #batch: { readonly from: number, readonly limit: number, readonly merges: boolean, readonly batch: Batch } | undefined

  /**
   * @param maxBytes The memory that the items may take.
   */
  constructor (key: string, maxBytes: number, mergers: Mergers) {
    this.key = key
    this.#maxBytes = maxBytes
    this.#mergers = mergers
  }

  /** The number that the next item will get. */
  get head (): number { return this.#head }

  /** The number of the oldest item that is kept; the head if there is none. */
  get first (): number { return this.#first }

  /** The memory that the items take. */
  get bytes (): number { return this.#bytes }

  /** The place of the oldest item in the order of the broker; undefined if there is none. */
  get oldestPosition (): Position | undefined { return this.#pages[0]?.position }

  /** The event ID of an item. A reader that resumes from it continues with the next one. */
  idOf (number: number): string {
    return formatPosition({ epoch: this.key, offset: number })
  }

  /** Appends the next item. @param body The event in its wire form, without the `id` line. */
  append (body: string, position: Position): void {
    if (!body.startsWith(this.#lastHead)) this.#lastHead = headOf(body)
    const head = this.#lastHead
    const text = body.slice(head.length, -END.length)
    const page = this.#page
    const before = page?.bytes ?? 0
    if (page?.append(head, text) === true) this.#bytes += page.bytes - before
    else this.#beginPage(head, text, position)
    this.#newest = body
    this.#head++
    this.#batch = undefined
    if (this.#bytes > this.#maxBytes) this.#trim()
  }

  #trim (): void {
    while (this.#bytes > this.#maxBytes && this.#pages.length > 1) this.#bytes -= this.#pages.shift()!.bytes
    this.#first = this.#pages[0]!.first
  }

  #beginPage (head: string, text: string, position: Position): void {
    this.seal()
    const page = this.#page = new ItemPage(this.#head, position, Math.min(MAX_PAGE_BYTES, Math.ceil(this.#maxBytes / PAGES)))
    page.append(head, text)
    this.#pages.push(page)
    this.#bytes += page.bytes
  }

  /** Gives back the memory that is reserved for further items. */
  seal (): void {
    const page = this.#page
    if (page === undefined) return
    this.#bytes -= page.bytes
    page.seal()
    this.#bytes += page.bytes
  }

  /** Takes note that the items before a number will never come. The items before them are of no use to a reader that lacks those. */
  lose (before: number): void {
    this.#pages = []
    this.#page = undefined
    this.#bytes = 0
    this.#first = this.#head = this.#holeBefore = before
    this.#batch = undefined
  }

  /** Tells why items from a number on are gone. */
  lossReason (from: number): GapReason {
    return from < this.#holeBefore ? 'evicted' : 'slow'
  }

  /**
   * Joins the items of one write.
   *
   * @param from The number of the first item, which is kept.
   * @param limit The number before which the batch ends. It may end earlier, because its size is limited.
   * @param merges True: items are merged where the application allows it.
   * @param isShared True: other readers may want this batch.
   */
  batch (from: number, limit: number, merges: boolean, isShared: boolean): Batch {
    const cached = this.#batch
    if (cached !== undefined && cached.from === from && cached.limit === limit && cached.merges === merges) return cached.batch
    const batch = this.#join(from, limit, merges, isShared)
    if (isShared) this.#batch = { from, limit, merges, batch }
    return batch
  }

  /** Drops the batch that was made last, because at most one reader is left. */
  rest (): void {
    this.#batch = undefined
  }

  #join (from: number, limit: number, merges: boolean, isShared: boolean): Batch {
    if (from === this.#head - 1) return this.#toBatch(this.#idLine(from) + this.#newest, from + 1, 1, isShared)
    let text = ''
    let events = 0
    let next = from
    let left = MAX_BATCH_BYTES
    for (let page = this.#pageOf(from); page < this.#pages.length && next < limit; page++) {
      const items = this.#pages[page]!
      while (next < Math.min(limit, items.end)) {
        const group = new ItemGroup(items, next)
        const merger = merges ? this.#mergerOf(group.head) : undefined
        if (merger !== undefined) group.extend(merger, Math.min(limit, items.end), Math.min(left, MAX_BATCH_BYTES))
        // An item larger than the limit becomes a batch by itself.
        if (events > 0 && group.bytes > left) return this.#toBatch(text, next, events, isShared)
        for (const [number, body] of group.bodies()) {
          const event = this.#idLine(number) + body
          text += event
          events++
          left -= Buffer.byteLength(event)
          next = number + 1
          if (left <= 0) return this.#toBatch(text, next, events, isShared)
        }
      }
    }
    return this.#toBatch(text, next, events, isShared)
  }

  #idLine (number: number): string {
    return `id: ${this.key}.${number}\n`
  }

  #mergerOf (head: string): Merger | undefined {
    // `encodeEvent` writes no `event` line for the unnamed event.
    return this.#mergers.get(head === DATA ? 'message' : head.slice(EVENT.length, -DATA.length - 1))
  }

  #toBatch (text: string, next: number, events: number, isShared: boolean): Batch {
    const chunk = isShared ? sharedTextChunk(text) : textChunk(text)
    return { chunk, next, offset: next - 1, events, bytes: chunk.length }
  }

  #pageOf (number: number): number {
    return this.#pages.findLastIndex(({ first }) => first <= number)
  }
}

/** The part of an event in front of its data: `encodeEvent` writes one `event` line at most, then the data. */
function headOf (body: string): string {
  return body.slice(0, body.startsWith(DATA) ? DATA.length : body.indexOf('\n') + 1 + DATA.length)
}
