import { Buffer } from 'node:buffer'
import { formatPosition, type Position } from '../broker/position.ts'

/** One encoded event in the order of this process. */
export interface Entry {
  /** The number of the entry in this process, consecutive from 0. Cursors are indexes. */
  readonly index: number
  /** The position, which is the same for all nodes; null: the entry is ephemeral, and is never replayed. */
  readonly position: Position | null
  /** The id that the application gave to the event: the first part of its event ID; undefined: the application gave none. */
  readonly id: string | undefined
  readonly channels: readonly string[]
  /** The key of `latestBy`: a later entry of the same channel and key replaces this one; undefined: no entry does. */
  readonly key: string | undefined
  /** The time of the broadcast, in milliseconds of the log's clock. */
  readonly time: number
  /** The event in its wire form, with its `id` line; empty once the entry has left the log. Only `Log` changes it. */
  bytes: Buffer
  /** The compressed bytes; undefined until a reader needs them, null if the event is sent uncompressed. Only `Log` changes it. */
  deflated: Buffer | null | undefined
  /** The number of channels that list the entry. Only `ChannelIndex` changes it. */
  listings: number
}

/**
 * Computes the bytes that an entry counts for in the bounds of the log.
 *
 * Room for the compressed form is reserved from the beginning, because an entry is compressed while subscribers are served, and no entry may
 * be evicted then.
 */
export function sizeOf ({ bytes, deflated }: Entry): number {
  if (deflated === undefined) return 2 * bytes.length
  return bytes.length + (deflated === null ? 0 : deflated.length)
}

/** Encodes a text as UTF-8. Not in Node's pool of small Buffers, because an entry would keep its 8 KiB pool slab alive. */
export function copyOf (text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}

/** Returns the event ID of an entry; null if the entry is ephemeral. */
export function eventIdOf ({ id, position }: Entry): string | null {
  return position === null ? null : formatPosition(position, id)
}
