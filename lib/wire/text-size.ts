import { Buffer } from 'node:buffer'

/** True if a text takes at most so many bytes as UTF-8. */
export function isWithin (text: string, bytes: number): boolean {
  // A UTF-16 code unit takes at most three bytes, so most texts need not be measured.
  return 3 * text.length <= bytes || Buffer.byteLength(text) <= bytes
}
