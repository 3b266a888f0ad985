import { Buffer } from 'node:buffer'
import type { Position } from '../broker/position.ts'

/** One event in order, encoded. */
export interface Entry {
  /** Dense and local: what cursors use. */
  readonly index: number
  /** Where a kept entry stands for everybody; null: it is ephemeral, and never replayed. */
  readonly position: Position | null
  /** The event ID that the application gave it, where it gave one. */
  readonly id: string | undefined
  readonly channels: readonly string[]
  /** A later entry of the same channel with the same key replaces it. */
  readonly key: string | undefined
  /** When it was appended, in milliseconds of the log's clock. */
  readonly time: number
  /** The whole event as it goes out, `id` line included. The log's to change: what left it holds none. */
  bytes: Buffer
  /** The same compressed; undefined until a reader wants it, null where it goes out as it is. The log's to change. */
  deflated: Buffer | null | undefined
  /** How many channels still list it. Theirs to change. */
  listings: number
}

/** The bytes that an entry may take. Its compressed form has its room from the beginning: it comes when others are served, and nothing may leave then. */
export function sizeOf ({ bytes, deflated }: Entry): number {
  if (deflated === undefined) return 2 * bytes.length
  return bytes.length + (deflated === null ? 0 : deflated.length)
}

/** In memory of its own: an entry that outlives its neighbours would hold on to 8 KiB of the pool that small buffers share. */
export function copyOf (text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}
