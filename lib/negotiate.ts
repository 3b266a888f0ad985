import Negotiator from 'negotiator'
import type { CodingName } from './coding.ts'

export const EVENT_STREAM = 'text/event-stream'

/** The head of every event stream. */
export const HEAD = {
  'content-type': EVENT_STREAM,
  // no-transform: a proxy that compresses would hold events back until its buffer is full.
  'cache-control': 'no-cache, no-transform',
  // nginx with its defaults holds back everything, head included; this alone cures it.
  'x-accel-buffering': 'no'
} as const

const OFFERED = [EVENT_STREAM, `${EVENT_STREAM};charset=utf-8`]

/** Whether a reader names it, as every EventSource does. */
export function asksForEventStream (accept: string | undefined): boolean {
  return new Negotiator({ headers: { accept: accept?.toLowerCase() } }).mediaTypes().includes(EVENT_STREAM)
}

/** The coding that a reader likes best. One that says nothing, or takes neither, gets the stream as it is. */
export function codingFor (acceptEncoding: string | undefined): CodingName {
  return new Negotiator({ headers: { 'accept-encoding': acceptEncoding } }).encoding(['gzip', 'identity']) === 'gzip' ? 'gzip' : 'identity'
}

/** Whether a reader takes an event stream. One that says nothing takes anything. */
export function acceptsEventStream (accept: string | undefined): boolean {
  return !accept || new Negotiator({ headers: { accept } }).mediaType(OFFERED) !== undefined
}
