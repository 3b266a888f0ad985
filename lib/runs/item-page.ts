import { Buffer } from 'node:buffer'
import type { Position } from '../broker/position.ts'

/** The bytes that the place of one item takes. */
const PLACE = Uint32Array.BYTES_PER_ELEMENT
// A page begins small, because most runs are short.
const FEW_BYTES = 128
const FEW_ITEMS = 4
// More would take longer to look through than the next page takes to make.
const MAX_HEADS = 64

/**
 * Consecutive items of a run, packed: a thousand short texts take little more memory than one long text.
 *
 * An item is a head, such as `data: `, which few texts share, and the rest of the event up to the empty line. The texts stand at the front of one
 * Buffer, and at its back, in reverse order, where each of them ends.
 */
export class ItemPage {
  /** The number of the first item. */
  readonly first: number
  #data: Buffer
  /** The size of `#data`. */
  #size = 0
  #count = 0
  /** The bytes that the texts take. */
  #length = 0
  #firstHead = ''
  #headsLength = 0
  /** The index in `#heads` for each item; undefined while all items have one head. */
  #headOf: Uint16Array | undefined
  /** The memory that the page takes. */
  bytes = 0
  readonly #heads: string[] = []
  /** The place of the first item in the order of the broker. */
  readonly position: Position
  readonly #maxBytes: number

  /** @param maxBytes The size up to which it takes more than one item. */
  constructor (first: number, position: Position, maxBytes: number) {
    this.first = first
    this.position = position
    this.#maxBytes = maxBytes
    this.#data = Buffer.allocUnsafeSlow(Math.min(FEW_BYTES, maxBytes))
    this.#measure()
  }

  /** The number after the last item. */
  get end (): number { return this.first + this.#count }

  /** Appends an item. The first item always has room. @returns False if the page is full. */
  append (head: string, text: string): boolean {
    if (this.#heads.length === MAX_HEADS && !this.#heads.includes(head)) return false
    const placesLength = (this.#count + 1) * PLACE
    // A UTF-16 code unit takes at most three bytes, so most texts need not be measured.
    if (this.#length + 3 * text.length + placesLength > this.#size && !this.#makeRoom(Buffer.byteLength(text) + placesLength)) return false
    this.#length += this.#data.write(text, this.#length)
    this.#data.writeUInt32LE(this.#length, this.#size - placesLength)
    if (head !== this.#firstHead || this.#headOf !== undefined) this.#setHead(head)
    this.#count++
    return true
  }

  #makeRoom (bytes: number): boolean {
    const least = this.#length + bytes
    if (least <= this.#size) return true
    if (this.#count > 0 && least > this.#maxBytes) return false
    this.#resize(Math.max(least, Math.min(2 * this.#size, this.#maxBytes)))
    return true
  }

  /** Gives back the memory that is reserved for further items, because none follow. */
  seal (): void {
    this.#resize(this.#length + this.#count * PLACE)
    if (this.#headOf !== undefined) this.#resizeHeads(this.#count)
  }

  headOf (number: number): string {
    return this.#heads[this.#headOf?.[number - this.first] ?? 0]!
  }

  textOf (number: number): string {
    return this.#data.toString('utf8', this.#startOf(number), this.#endOf(number))
  }

  sizeOf (number: number): number {
    return this.#endOf(number) - this.#startOf(number)
  }

  #startOf (number: number): number {
    return number === this.first ? 0 : this.#endOf(number - 1)
  }

  #endOf (number: number): number {
    return this.#data.readUInt32LE(this.#size - (number - this.first + 1) * PLACE)
  }

  #setHead (head: string): void {
    let index = this.#heads.lastIndexOf(head)
    if (index === -1) {
      index = this.#heads.push(head) - 1
      this.#headsLength += head.length
      this.#measure()
    }
    this.#firstHead = this.#heads[0]!
    if (this.#headOf === undefined && this.#heads.length > 1) this.#resizeHeads(Math.max(this.#count + 1, FEW_ITEMS))
    else if (this.#count === this.#headOf?.length) this.#resizeHeads(2 * this.#count)
    if (this.#headOf !== undefined) this.#headOf[this.#count] = index
  }

  #resize (size: number): void {
    const data = Buffer.allocUnsafeSlow(size)
    this.#data.copy(data, 0, 0, this.#length)
    const placesLength = this.#count * PLACE
    this.#data.copy(data, size - placesLength, this.#size - placesLength)
    this.#data = data
    this.#measure()
  }

  #resizeHeads (count: number): void {
    const headOf = new Uint16Array(count)
    if (this.#headOf !== undefined) headOf.set(this.#headOf.subarray(0, count))
    this.#headOf = headOf
    this.#measure()
  }

  #measure (): void {
    this.#size = this.#data.length
    this.bytes = this.#size + this.#headsLength + (this.#headOf?.byteLength ?? 0)
  }
}
