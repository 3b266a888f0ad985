import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'

// Measures the progress of a socket, and the memory of the writes that wait in it.

/** The bytes of memory that a waiting write takes besides its data. If they were not counted, 256 KiB of tiny writes would take ten times as much. */
export const OVERHEAD_BYTES = 512

/** The data of an empty write, which is made only for its callback. */
export const NOTHING = Buffer.alloc(0)

/** Wraps the callback of a write, so that it runs only on success. A failed write ends the stream, and `close` reports that. */
export function unlessFailed (callback: () => void): (error?: Error | null) => void {
  return (error) => { if (error == null) callback() }
}

/** The number of bytes that the operating system has accepted from a socket, including part of a write in progress. */
export function markOf (socket: Socket): number {
  // A single write may take minutes on a slow connection, and only the handle shows its progress. Node's own time-out reads it, too.
  const { writeQueueSize = 0 } = (socket as SocketWithHandle)._handle ?? {}
  return socket.bytesWritten - socket.writableLength - writeQueueSize
}

/** A socket with its field `_handle`, which is missing in Node's types. */
interface SocketWithHandle extends Socket {
  readonly _handle?: { readonly writeQueueSize?: number } | null
}
