/** The bounds of kept entries, and separately of ephemeral entries. */
export interface LogBounds {
  /** The number of entries that `trim` keeps; 0: an entry leaves as soon as it is served. Entries that are not served yet may exceed it. */
  readonly maxEvents: number
  /** The total size of the entries in bytes, which is never exceeded. */
  readonly maxBytes: number
  /** The time in milliseconds for which an entry may be replayed. */
  readonly maxAge: number
}

// `id: `, epoch, `.`, offset, LF.
const MAX_POSITION_LINE_BYTES = 32

/**
 * Computes the maximum size of the `id` line of an entry, in bytes.
 *
 * @param id The id that the application gave to the event: ASCII; undefined: the event ID is the position alone.
 */
export function idLineBytes (id: string | undefined): number {
  return MAX_POSITION_LINE_BYTES + (id === undefined ? 0 : id.length + 1)
}
