import type { Declarations } from '../lib/schema/declarations.ts'
import type { Transport } from './connection/attempt.ts'
import { Connection } from './connection/connection.ts'
import { openEventSource } from './transport/event-source-transport.ts'
import { EventStream } from './stream/event-stream.ts'
import { fetchTransport, sharedSource } from './lazy-modules.ts'
import { readOptions, type ConnectOptions, type Settings } from './stream/options.ts'
import type { AnyDeclarations } from './stream/payloads.ts'
import type { SourceListener } from './connection/source.ts'

/**
 * Reads an event stream, and keeps reading it: what breaks off is opened again from the last event on, until it is closed.
 *
 * @param url Of the stream; relative to the page where there is one.
 * @throws a TypeError that names the option, the rule and the value.
 * @example connect<typeof events>('/events').on('order.updated', (order) => show(order))
 */
export function connect<D extends Declarations = AnyDeclarations> (url: string | URL, options?: ConnectOptions<D>): EventStream<D> {
  const settings = readOptions(url, options ?? {})
  const isShared = settings.share && canShare()
  const transport = transportOf(settings, isShared)
  const open = (lastEventId: string, listener: SourceListener): Connection => new Connection({ ...settings, transport, lastEventId }, listener)
  return new EventStream<D>(settings, (listener, replace) => isShared ? sharedSource(settings, open, listener, replace) : open(settings.lastEventId, listener))
}

/** Who reads for other tabs does not know which events they listen to, and an EventSource tells of no others. */
function transportOf ({ headers, withCredentials }: Settings, isShared: boolean | string): Transport {
  const openFetch = fetchTransport(headers, withCredentials)
  if (isShared || headers || globalThis.EventSource === undefined) return openFetch
  return (attempt, listener) => openEventSource(attempt, withCredentials, openFetch, listener)
}

/** A page that is not secure has no locks. Every browser that has them has `BroadcastChannel`, too. */
function canShare (): boolean {
  return !!globalThis.navigator?.locks
}

export { UnreadableEvent, type EventInfo, type EventStream } from './stream/event-stream.ts'
export type { Backoff } from './connection/backoff.ts'
export type { ParsedEvent } from './wire/event-stream-parser.ts'
export type { RequestHeaders } from './transport/fetch-transport.ts'
export type { ConnectOptions } from './stream/options.ts'
export type { AnyDeclarations, EventName, Payloads, TextEvent } from './stream/payloads.ts'
export type { Closed, Reason, Status } from './connection/status.ts'
export type { CloseReason } from '../lib/wire/reasons.ts'
export type { GapReason } from '../lib/wire/reasons.ts'
export type { Gap, Opening, PluginEvents } from '../lib/wire/plugin-events.ts'
