import { randomInt } from 'node:crypto'

/**
 * Where a kept entry stands for everybody. Offsets are compared, never computed with: an engine's need not be dense.
 */
export interface Position {
  /** Which history the offset belongs to; a new one whenever history is lost. */
  readonly epoch: string
  readonly offset: number
}

const EPOCH_LENGTH = 10
const TEXT = /^([0-9a-z]{10})\.(0|[1-9][0-9]{0,15})$/

/** Stands between the name that the application gave an event and its position. */
const AFTER_NAME = '@'

/**
 * The event ID of a position: printable ASCII, opaque to readers.
 *
 * @param name The event ID that the application gave, which the text begins with. The position is always there: a name may be given
 * twice, or again after a restart, and a reader that resumed by the name alone would skip what lies between without a gap.
 */
export function formatPosition ({ epoch, offset }: Position, name?: string): string {
  return `${name === undefined ? '' : name + AFTER_NAME}${epoch}.${offset}`
}

/** The position an event ID stands for; undefined where it is none of ours, whatever it holds. */
export function parsePosition (eventId: string): Position | undefined {
  const match = TEXT.exec(eventId.slice(eventId.lastIndexOf(AFTER_NAME) + 1))
  return match === null ? undefined : { epoch: match[1]!, offset: Number(match[2]) }
}

export function createEpoch (): string {
  return Array.from({ length: EPOCH_LENGTH }, () => randomInt(36).toString(36)).join('')
}
