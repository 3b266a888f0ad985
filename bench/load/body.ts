/** Takes the body of many answers, a segment at a time. The buffer is another's: what is kept must be copied. */
export interface Body {
  read (reader: number, buffer: Uint8Array, start: number, end: number): void
}
