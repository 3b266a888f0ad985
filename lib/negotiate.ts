import Negotiator from 'negotiator'

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

/** Whether a reader takes an event stream. One that says nothing takes anything. */
export function acceptsEventStream (accept: string | undefined): boolean {
  return !accept || new Negotiator({ headers: { accept } }).mediaType(OFFERED) !== undefined
}
