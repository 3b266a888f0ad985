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

/** The event ID of a position: short printable ASCII that stands in a URL as it is. Opaque to readers. */
export function formatPosition ({ epoch, offset }: Position): string {
  return `${epoch}.${offset}`
}

/** The position an event ID stands for; undefined where it is none of ours, whatever it holds. */
export function parsePosition (eventId: string): Position | undefined {
  const match = TEXT.exec(eventId)
  return match === null ? undefined : { epoch: match[1]!, offset: Number(match[2]) }
}

export function createEpoch (): string {
  return Array.from({ length: EPOCH_LENGTH }, () => randomInt(36).toString(36)).join('')
}
