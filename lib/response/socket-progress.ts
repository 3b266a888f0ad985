import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'

// What a writer needs to know about a socket: how far it has come, and when what it holds was sent.

/** Bytes of memory that a waiting write takes beside its data. Without counting them, 256 KiB of tiny writes would take ten times as much. */
export const OVERHEAD_BYTES = 512

/** An empty write, for its callback alone. */
export const NOTHING = Buffer.alloc(0)

/** The callback of a write, run only on success. A failed write is the end of the stream, which `close` reports. */
export function unlessFailed (callback: () => void): (error?: Error | null) => void {
  return (error) => { if (error == null) callback() }
}

/** Bytes that the operating system has accepted from a socket, those of a write under way included. */
export function markOf (socket: Socket): number {
  // A single write may take minutes on a slow connection, and only the handle knows that it makes progress. Node's own time-out reads it, too.
  const { writeQueueSize = 0 } = (socket as SocketWithHandle)._handle ?? {}
  return socket.bytesWritten - socket.writableLength - writeQueueSize
}

/** A socket with the field that Node has and its types lack. */
interface SocketWithHandle extends Socket {
  readonly _handle?: { readonly writeQueueSize?: number } | null
}
