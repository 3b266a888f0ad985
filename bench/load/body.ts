/** Receives the bodies of many responses, a segment at a time. The buffer belongs to the caller: bytes to keep must be copied. */
export interface Body {
  read (reader: number, buffer: Uint8Array, start: number, end: number): void
}
