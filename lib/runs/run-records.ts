import type { EventRecord } from '../broker/broker.ts'
import { formatPosition, parsePosition } from '../broker/position.ts'
import { isRunEnd, type RunEnd } from './run-status.ts'

// The records of the order of a run.

/** What every process that opens a run must know of it. Each item carries it, because the beginning of a long run is not kept. */
export interface RunTerms {
  /** A random text, by which the records of a run are told from those of an earlier run of its name. */
  readonly key: string
  /** The node whose source it is. */
  readonly node: string
  /** How long readers may come after the end, in milliseconds. */
  readonly keepFor: number
  /** The memory that the items may take, in bytes. */
  readonly maxBytes: number
  /** Milliseconds without readers after which the run is stopped; Infinity: never. */
  readonly stopWhenUnread: number
}

/** The beginning of a run. */
interface Beginning {
  readonly type: 'begin'
  readonly terms: RunTerms
  /** The key of the run of this name that has ended before; undefined: there is none. */
  readonly after: string | undefined
}

/** One item of a run: an event. */
interface Item {
  readonly type: 'item'
  readonly terms: RunTerms
  /** The items of a run are numbered from 1. */
  readonly number: number
  /** The event in its wire form, without the `id` line. */
  readonly body: string
}

/** The end of a run. The first one of a run counts, and nothing of the run counts after it. */
interface End {
  readonly type: 'end'
  readonly terms: RunTerms
  readonly status: RunEnd
  /** The number of the last item before it; undefined if the node that ends the run does not know it. */
  readonly last: number | undefined
  /** Milliseconds since 1970. */
  readonly time: number
}

export type RunMessage = Beginning | Item | End

export function beginningRecord (terms: RunTerms, after: string | undefined): EventRecord {
  return record(channelsOf('begin', terms), JSON.stringify({ after }), terms.key, 0)
}

/** @param channels The result of `itemChannels`, which the items of a run share. */
export function itemRecord (channels: readonly string[], key: string, number: number, body: string): EventRecord {
  return record(channels, body, key, number)
}

export function itemChannels (terms: RunTerms): readonly string[] {
  return channelsOf('item', terms)
}

export function endRecord (terms: RunTerms, status: RunEnd, last: number | undefined): EventRecord {
  return record(channelsOf('end', terms), JSON.stringify({ status, last }), terms.key, 0)
}

/**
 * Reads the number of an item without reading the rest. Only items have a number from 1 on.
 *
 * @param key The key of the run.
 * @returns The number; 0 or NaN if the record is no item of the run.
 */
export function itemNumber ({ id }: EventRecord, key: string): number {
  return id !== undefined && id.startsWith(key) ? Number(id.slice(key.length + 1)) : 0
}

/** Reads a record; undefined if it is none of a run that this version knows. */
export function readRecord ({ channels: [type, node, keepFor, maxBytes, stopWhenUnread], body, id = '', time }: EventRecord): RunMessage | undefined {
  const { epoch: key, offset: number } = parsePosition(id) ?? {}
  if (key === undefined || node === undefined) return undefined
  const terms = { key, node, keepFor: Number(keepFor), maxBytes: Number(maxBytes), stopWhenUnread: Number(stopWhenUnread) }
  if (type === 'item') return { type, terms, number: number!, body }
  const { after, status, last } = parsed(body)
  if (type === 'begin') return { type, terms, after: typeof after === 'string' ? after : undefined }
  if (type === 'end' && isRunEnd(status)) return { type, terms, status, last: typeof last === 'number' ? last : undefined, time }
  return undefined
}

function channelsOf (type: RunMessage['type'], { node, keepFor, maxBytes, stopWhenUnread }: RunTerms): string[] {
  return [type, node, String(keepFor), String(maxBytes), String(stopWhenUnread)]
}

function record (channels: readonly string[], body: string, key: string, number: number): EventRecord {
  return { channels, body, ephemeral: false, id: formatPosition({ epoch: key, offset: number }), key: undefined, time: Date.now() }
}

function parsed (body: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(body))
  } catch {
    return {}
  }
}
