import type { EventRecord } from '../../lib/broker/broker.ts'
import { epochNumber, epochText, type Position } from '../../lib/broker/position.ts'
import type { StoredEntry, Token, TokenRecord } from '../engine/engine.ts'

// Records as fields of stream entries. The names of the fields and their order are constant, so Redis stores the names once for many entries.

/** An entry of a stream, as XREAD gives it: id, and names and values of the fields. */
export type StreamEntry = readonly [id: string, fields: readonly string[]]

/** The names of the fields: token, time and epoch, channels, id, key, body. */
export const NAMES = ['t', 'w', 'c', 'i', 'k', 'b'] as const

/** Formats a record as fields. @param epoch The epoch, as a decimal number. */
export function fieldsOf ({ token, record: { channels, body, id, key, time } }: TokenRecord, epoch: string): string[] {
  // A channel contains no LF. A key may be any text, the empty one included.
  const values = [formatToken(token), `${time}.${epoch}`, JSON.stringify(channels), id ?? '', key === undefined ? '' : `=${key}`, body]
  return NAMES.flatMap((name, at) => [name, values[at]!])
}

/** Parses an entry of the stream of kept entries. */
export function parseKept ([id, fields]: StreamEntry): StoredEntry {
  return parse(parseId(id), fields, false)
}

/** Parses an entry of the stream of ephemeral entries. Its id has the offset of the kept entry before it. */
export function parseEphemeral ([id, fields]: StreamEntry): StoredEntry {
  const [, epoch = '0'] = (fields[3] ?? '').split('.')
  return parse({ epoch: epochText(Number(epoch)), offset: Number(id.split('-')[1]) }, fields, true)
}

/** The number of an ephemeral entry. The entries of an epoch are numbered from 1 without a hole. */
export function ephemeralNumber (id: string): number {
  return Number(id.split('-')[0])
}

function parse (position: Position, fields: readonly string[], ephemeral: boolean): StoredEntry {
  const token = fields[0] === NAMES[0] ? parseToken(fields[1]!) : undefined
  // The entry that begins an epoch has nothing but a token.
  if (token !== undefined && fields.length === 2 && position.offset === 0) return { position, token, record: undefined }
  const record = token === undefined ? undefined : parseRecord(fields, ephemeral)
  if (token === undefined || record === undefined) return { position, token: undefined, record: undefined, problem: 'its fields are not those of a record' }
  return { position, token, record }
}

function parseRecord (fields: readonly string[], ephemeral: boolean): EventRecord | undefined {
  if (fields.length !== 2 * NAMES.length || !NAMES.every((name, at) => fields[2 * at] === name)) return undefined
  const [time, channels, id, key, body] = [fields[3]!, fields[5]!, fields[7]!, fields[9]!, fields[11]!]
  const names = parseChannels(channels)
  const milliseconds = Number.parseInt(time, 10)
  if (names === undefined || Number.isNaN(milliseconds)) return undefined
  return { channels: names, body, ephemeral, id: id === '' ? undefined : id, key: key === '' ? undefined : key.slice(1), time: milliseconds }
}

function parseChannels (text: string): string[] | undefined {
  try {
    const names = JSON.parse(text) as unknown
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined
  } catch {
    return undefined
  }
}

export function formatToken ({ publisher, counter }: Token): string {
  return `${publisher}.${counter}`
}

/** Parses a token; undefined if the text is none. */
export function parseToken (text: string): Token | undefined {
  const match = /^([0-9a-z]{1,20})\.([1-9][0-9]{0,15})$/.exec(text)
  return match === null ? undefined : { publisher: match[1]!, counter: Number(match[2]) }
}

/** Parses the id of a kept entry: epoch and offset, both decimal. */
export function parseId (id: string): Position {
  const [epoch, offset] = id.split('-')
  return { epoch: epochText(Number(epoch)), offset: Number(offset) }
}

/** Formats a position as the id of a kept entry. */
export function formatId ({ epoch, offset }: Position): string {
  return `${epochNumber(epoch)}-${offset}`
}
