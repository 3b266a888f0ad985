import type { Declarations } from '../lib/schema/declarations.ts'
import type { Transport } from './connection/attempt.ts'
import { Connection } from './connection/connection.ts'
import { openEventSource } from './transport/event-source-transport.ts'
import { EventStream } from './stream/event-stream.ts'
import { diagnose, fetchTransport, sharedSource } from './lazy-modules.ts'
import { readOptions, type ConnectOptions, type Settings, type StreamUrl } from './stream/options.ts'
import type { AnyDeclarations } from './stream/payloads.ts'
import type { SourceListener } from './connection/source.ts'

/**
 * Opens an event stream and keeps it open: after a loss it reconnects from the last event on, until the stream is closed.
 *
 * @typeParam D The declaration of the events, as `typeof events`. Absent: any event, with payloads of the type `unknown`.
 * @param url The URL of the stream, absolute, or relative to the page. A `lastEventId` in its query is the default of that option. Or a function
 * that returns the URL, or a promise of it, and is called for every attempt, as for tickets that are good for one request.
 * @param options The options, all of them optional.
 * @throws TypeError when the URL or an option is invalid; the message names the option, the rule and the value.
 * @see docs/client.md
 * @example connect<typeof events>('/events').on('order.updated', (order) => show(order))
 */
export function connect<D extends Declarations = AnyDeclarations> (url: StreamUrl, options?: ConnectOptions<D>): EventStream<D> {
  const settings = readOptions(url, options ?? {})
  const isShared = settings.share && canShare()
  const transport = transportOf(settings, isShared)
  const open = (lastEventId: string, listener: SourceListener): Connection => new Connection({ ...settings, transport, lastEventId }, listener)
  return new EventStream<D>(settings, (listener, replace) => isShared ? sharedSource(settings, open, listener, replace) : open(settings.lastEventId, listener))
}

/**
 * Chooses the transport. A shared stream is read by `fetch`: an EventSource delivers only events that have listeners, and the leading tab does
 * not know the listeners of other tabs.
 */
function transportOf (settings: Settings, isShared: boolean | string): Transport {
  const openFetch = fetchTransport(settings)
  if (isShared || settings.headers || globalThis.EventSource === undefined) return openFetch
  return (attempt, listener) => openEventSource(attempt, settings.withCredentials, diagnose, openFetch, listener)
}

/** Tells whether tabs can share a stream. Insecure pages have no Web Locks; a browser that has Web Locks has `BroadcastChannel`, too. */
function canShare (): boolean {
  return !!globalThis.navigator?.locks
}

export { UnreadableEvent } from './stream/unreadable-event.ts'
export type { EventInfo, EventStream } from './stream/event-stream.ts'
export type { Backoff } from './connection/backoff.ts'
export type { ParsedEvent } from './wire/event-stream-parser.ts'
export type { RequestBody, RequestHeaders } from './transport/fetch-transport.ts'
export type { ConnectOptions, StreamUrl } from './stream/options.ts'
export type { AnyDeclarations, EventName, Payloads, TextEvent } from './stream/payloads.ts'
export type { Closed, Reason, Status } from './connection/status.ts'
export type { CloseReason } from '../lib/wire/reasons.ts'
export type { GapReason } from '../lib/wire/reasons.ts'
export type { Gap, Opening, PluginEvents } from '../lib/wire/plugin-events.ts'
