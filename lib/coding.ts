import { createChunk, type Chunk } from './chunk.ts'
import type { Entry } from './entry.ts'

/** A content coding of HTTP that event streams go out in. */
export type CodingName = 'identity' | 'gzip'

/** Joins entries to what goes out. */
export interface Coding {
  readonly name: CodingName
  /** @param from The cursor of whoever gets them. @param to The same afterwards. */
  join (entries: readonly Entry[], from: number, to: number): Chunk
}

/** As they are. */
export const IDENTITY: Coding = {
  name: 'identity',
  join: (entries) => createChunk(entries.map(({ bytes }) => bytes))
}
