import { Buffer } from 'node:buffer'
import type { EventRecord } from '../../lib/broker/broker.ts'
import { epochText } from '../../lib/broker/position.ts'
import type { StoredEntry, Token, TokenRecord } from '../engine/engine.ts'
import type { Row, SqlValue } from './driver.ts'

// Records as rows.

/** The columns that a record fills, in the order of `valuesOf`. */
export const RECORD_COLUMNS = 'publisher, counter, time, channels, id, key, body'

/** Formats a record as values of `RECORD_COLUMNS`. */
export function valuesOf ({ token: { publisher, counter }, record: { time, channels, id, key, body } }: TokenRecord): SqlValue[] {
  return [publisher, counter, time, JSON.stringify(channels), toValue(id), toValue(key), toValue(body)]
}

/** Parses a row that has the columns `epoch`, `offset`, `ephemeral` and `RECORD_COLUMNS`. */
export function parseEntry (row: Row): StoredEntry {
  const position = { epoch: epochText(row.epoch as number), offset: row.offset as number }
  const token = parseToken(row)
  // The entry that begins an epoch.
  if (token !== undefined && row.body === null && position.offset === 0) return { position, token, record: undefined }
  const record = token === undefined ? undefined : parseRecord(row)
  if (record === undefined) return { position, token: undefined, record: undefined, problem: 'its columns are not those of a record' }
  return { position, token, record }
}

/** Parses a token; undefined if the columns `publisher` and `counter` are none. */
export function parseToken ({ publisher, counter }: Row): Token | undefined {
  if (typeof publisher !== 'string' || !/^[0-9a-z]{1,20}$/.test(publisher) || typeof counter !== 'number' || counter < 1) return undefined
  return { publisher, counter }
}

function parseRecord (row: Row): EventRecord | undefined {
  const channels = parseChannels(row.channels)
  const body = toText(row.body)
  if (channels === undefined || body === undefined || typeof row.time !== 'number') return undefined
  return { channels, body, ephemeral: row.ephemeral === 1, id: toText(row.id), key: toText(row.key), time: row.time }
}

function parseChannels (text: SqlValue | undefined): string[] | undefined {
  try {
    const names = JSON.parse(text as string) as unknown
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined
  } catch {
    return undefined
  }
}

/** Formats text as a value: as a blob if Node 22 would cut it (U+0000), or a driver would encode it in its own way (lone surrogates). */
function toValue (text: string | undefined): SqlValue {
  if (text === undefined) return null
  return /[\0\p{Surrogate}]/u.test(text) ? Buffer.from(text) : text
}

function toText (value: SqlValue | undefined): string | undefined {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()
  return typeof value === 'string' ? value : undefined
}
