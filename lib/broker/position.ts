import { randomInt } from 'node:crypto'

// Positions of events in the order of a broker, and their text form, the event ID.

/** The position of a kept entry, which is the same for all nodes. Offsets may only be compared, because a broker may skip some. */
export interface Position {
  /**
   * The history that the offset belongs to: ten digits of base 36. A new epoch begins whenever history is lost. The epochs of an engine rise, so
   * that the later of two is the greater text.
   */
  readonly epoch: string
  readonly offset: number
}

/** The position before a process knows any: before every other one. */
export const NO_POSITION: Position = { epoch: '0000000000', offset: 0 }

const EPOCH_LENGTH = 10
const TEXT = /^([0-9a-z]{10})\.(0|[1-9][0-9]{0,15})$/

/** The separator between the name that the application gave to an event and its position. */
const AFTER_NAME = '@'

/**
 * Formats a position as an event ID: printable ASCII, opaque to readers.
 *
 * @param name The id that the application gave to the event. The event ID begins with it. The position always follows, because an application
 * may use an id twice, or again after a restart, and a reader that resumed by the id alone would miss the events in between without a gap.
 */
export function formatPosition ({ epoch, offset }: Position, name?: string): string {
  return `${name === undefined ? '' : name + AFTER_NAME}${epoch}.${offset}`
}

/**
 * Parses an event ID.
 *
 * @param eventId Any text, because readers may send anything.
 * @returns The position; undefined if the text is not an event ID of this plugin.
 */
export function parsePosition (eventId: string): Position | undefined {
  const match = TEXT.exec(eventId.slice(eventId.lastIndexOf(AFTER_NAME) + 1))
  return match === null ? undefined : { epoch: match[1]!, offset: Number(match[2]) }
}

/** True if a position is later than another. */
export function isAfter (position: Position, other: Position): boolean {
  return position.epoch === other.epoch ? position.offset > other.offset : position.epoch > other.epoch
}

/** Creates a random epoch, for an order that ends with this process. */
export function createEpoch (): string {
  return Array.from({ length: EPOCH_LENGTH }, () => randomInt(36).toString(36)).join('')
}

/** Parses an epoch as the number that engines keep. */
export function epochNumber (epoch: string): number {
  return Number.parseInt(epoch, 36)
}

/** Formats a number as an epoch. */
export function epochText (epoch: number): string {
  return epoch.toString(36).padStart(EPOCH_LENGTH, '0')
}

/**
 * Creates the epoch that follows another one in an engine: the present time in microseconds, or one more than the other. The last three digits of the
 * time are random, so that two orders that begin together have different epochs.
 */
export function nextEpoch (previous: string): string {
  return epochText(Math.max(Date.now() * 1000 + randomInt(1000), epochNumber(previous) + 1))
}
