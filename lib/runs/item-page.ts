import { Buffer } from 'node:buffer'
import type { Position } from '../broker/position.ts'

// The bytes that the place of one item takes beside its text.
const BYTES_PER_ITEM = Uint32Array.BYTES_PER_ELEMENT + Uint16Array.BYTES_PER_ELEMENT
const MAX_ITEMS = 0xffff
// A page begins small, because most runs are short.
const FEW_ITEMS = 4
const FEW_BYTES = 128

/**
 * Consecutive items of a run, packed: a thousand short texts take little more memory than one long text.
 *
 * An item is a head, such as `data: `, which few texts share, and the rest of the event up to the empty line.
 */
export class ItemPage {
  /** The number of the first item. */
  readonly first: number
  /** The place of the first item in the order of the broker. */
  readonly position: Position
  readonly #maxBytes: number
  #texts: Buffer
  /** Where the text of each item ends. */
  #ends = new Uint32Array(FEW_ITEMS)
  readonly #heads: string[] = []
  /** The index in `#heads` for each item; undefined while all items have one head. */
  #headOf: Uint16Array | undefined
  #count = 0
  #length = 0

  /** @param maxBytes The size up to which it takes more than one item. */
  constructor (first: number, position: Position, maxBytes: number) {
    this.first = first
    this.position = position
    this.#maxBytes = maxBytes
    this.#texts = Buffer.allocUnsafeSlow(Math.min(FEW_BYTES, maxBytes))
    this.#measure()
  }

  /** The number after the last item. */
  get end (): number { return this.first + this.#count }

  /** The memory that the page takes. */
  bytes = 0

  /** Appends an item. The first item always has room. @returns False if the page is full. */
  append (head: string, text: string): boolean {
    // A UTF-16 code unit takes at most three bytes, so most texts need not be measured.
    if (this.#length + 3 * text.length > this.#texts.length && !this.#makeRoom(Buffer.byteLength(text))) return false
    if (this.#count === this.#ends.length && !this.#makePlaces()) return false
    this.#length += this.#texts.write(text, this.#length)
    this.#ends[this.#count] = this.#length
    if (head !== this.#heads[0] || this.#headOf !== undefined) this.#setHead(head)
    this.#count++
    return true
  }

  #makeRoom (bytes: number): boolean {
    const least = this.#length + bytes
    if (least <= this.#texts.length) return true
    if (this.#count > 0 && least + this.#count * BYTES_PER_ITEM > this.#maxBytes) return false
    this.#resizeTexts(Math.max(least, Math.min(2 * this.#texts.length, this.#maxBytes - this.#count * BYTES_PER_ITEM)))
    return true
  }

  #makePlaces (): boolean {
    if (this.#count === MAX_ITEMS || this.#length + this.#count * BYTES_PER_ITEM > this.#maxBytes) return false
    this.#resizePlaces(Math.min(2 * this.#count, MAX_ITEMS))
    return true
  }

  /** Gives back the memory that is reserved for further items, because none follow. */
  seal (): void {
    this.#resizeTexts(this.#length)
    this.#resizePlaces(this.#count)
  }

  headOf (number: number): string {
    return this.#heads[this.#headOf?.[number - this.first] ?? 0]!
  }

  textOf (number: number): string {
    return this.#texts.toString('utf8', this.#startOf(number), this.#ends[number - this.first])
  }

  sizeOf (number: number): number {
    return this.#ends[number - this.first]! - this.#startOf(number)
  }

  #startOf (number: number): number {
    return number === this.first ? 0 : this.#ends[number - this.first - 1]!
  }

  #setHead (head: string): void {
    let index = this.#heads.lastIndexOf(head)
    if (index === -1) index = this.#heads.push(head) - 1
    if (this.#headOf === undefined && this.#heads.length > 1) {
      this.#headOf = new Uint16Array(this.#ends.length)
      this.#measure()
    }
    if (this.#headOf !== undefined) this.#headOf[this.#count] = index
  }

  #resizeTexts (length: number): void {
    const texts = Buffer.allocUnsafeSlow(length)
    this.#texts.copy(texts, 0, 0, this.#length)
    this.#texts = texts
    this.#measure()
  }

  #resizePlaces (length: number): void {
    this.#ends = resized(new Uint32Array(length), this.#ends)
    if (this.#headOf !== undefined) this.#headOf = resized(new Uint16Array(length), this.#headOf)
    this.#measure()
  }

  #measure (): void {
    this.bytes = this.#texts.length + this.#ends.byteLength + (this.#headOf?.byteLength ?? 0)
  }
}

function resized<T extends Uint32Array | Uint16Array> (to: T, from: T): T {
  to.set(from.subarray(0, to.length))
  return to
}
