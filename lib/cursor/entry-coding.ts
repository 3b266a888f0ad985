import type { Entry } from '../log/entry.ts'
import { type Chunk, type CodingName, createChunk } from '../wire/chunk.ts'

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
