import type { Entry } from '../log/entry.ts'
import { type Chunk, type CodingName, createChunk } from '../wire/http-chunk.ts'

/** A content coding of event streams: joins entries to the bytes that are sent. */
export interface Coding {
  readonly name: CodingName
  /**
   * Joins entries to one chunk.
   *
   * @param from The index of the cursor before these entries.
   * @param to The index of the cursor after them.
   */
  join (entries: readonly Entry[], from: number, to: number): Chunk
}

/** The coding without compression. */
export const IDENTITY: Coding = {
  name: 'identity',
  join: (entries) => createChunk(entries.map(({ bytes }) => bytes))
}
