import type { Declarations } from '../lib/event-types.ts'
import type { Transport } from './attempt.ts'
import { Connection } from './connection.ts'
import { openEventSource } from './event-source-transport.ts'
import { EventStream } from './event-stream.ts'
import { readOptions, type ConnectOptions, type Settings } from './options.ts'
import { watchPage } from './page-life.ts'
import type { AnyDeclarations } from './payloads.ts'
import type { Source, SourceListener } from './source.ts'
import { judge } from './verdict.ts'

type Arguments<D extends Declarations> = ConnectOptions<D> extends infer O ? Record<never, never> extends O ? [options?: O] : [options: O] : never

/**
 * Reads an event stream, and keeps reading it: what breaks off is opened again from the last event on, until it is closed.
 *
 * @param url Of the stream; relative to the page where there is one.
 * @throws a TypeError that names the option, the rule and the value.
 * @example connect<typeof events>('/events', { text: ['message'] }).on('order.updated', (order) => show(order))
 */
export function connect<D extends Declarations = AnyDeclarations> (url: string | URL, ...[options]: Arguments<D>): EventStream<D> {
  const settings = readOptions(url, options ?? {})
  return new EventStream<D>(settings, (listener) => settings.share && canShare()
    ? shareConnection(settings, listener)
    : openConnection(settings, transportOf(settings), settings.lastEventId, listener))
}

function openConnection ({ url, backoff, connectTimeout }: Settings, transport: Transport, lastEventId: string, listener: SourceListener): Connection {
  return new Connection({ url, transport, lastEventId, backoff, connectTimeout }, listener)
}

function transportOf ({ headers, withCredentials }: Settings): Transport {
  if (headers !== undefined || globalThis.EventSource === undefined) return fetchTransport({ headers, withCredentials })
  return (attempt, listener) => openEventSource(attempt, withCredentials, listener)
}

/** Loaded by those that need it. */
function fetchTransport ({ headers = {}, withCredentials }: Pick<Settings, 'headers' | 'withCredentials'>): Transport {
  return (options, listener) => {
    let isClosed = false
    let close = (): void => { isClosed = true }
    import('./fetch-transport.ts').then(({ openFetch }) => {
      if (!isClosed) close = openFetch(options, { headers, withCredentials, judge }, listener).close
    }, (error) => {
      if (isClosed) return
      listener.error(error)
      listener.lost({})
    })
    return { seesComments: true, hear () {}, close: () => close() }
  }
}

/** Pages that are not secure have neither, nor has Node the first. */
function canShare (): boolean {
  return globalThis.navigator?.locks !== undefined && globalThis.BroadcastChannel !== undefined
}

function shareConnection (settings: Settings, listener: SourceListener): Source {
  let source: Source | undefined
  let isClosed = false
  const open = (lastEventId: string, listener: SourceListener): Source => openConnection(settings, fetchTransport(settings), lastEventId, listener)
  import('./sharing.ts')
    .then(({ SharedConnection }) => { if (!isClosed) source = new SharedConnection(settings, { open, watchPage }, listener) })
    .catch(() => { if (!isClosed) source = open(settings.lastEventId, listener) })
  return {
    get lastEventId () { return source?.lastEventId ?? settings.lastEventId },
    hear () {},
    reconnect: (lastEventId) => source?.reconnect(lastEventId),
    close () {
      if (source !== undefined) return source.close()
      if (isClosed) return
      isClosed = true
      listener.status({ state: 'closed', reason: 'closed' })
    }
  }
}

export { EventStream, UnreadableEvent, type EventInfo } from './event-stream.ts'
export type { Backoff } from './connection.ts'
export type { ParsedEvent } from './event-stream-parser.ts'
export type { Headers } from './fetch-transport.ts'
export type { ConnectOptions } from './options.ts'
export type { AnyDeclarations, EventName, Payloads, TextEvent } from './payloads.ts'
export type { Closed, Status } from './status.ts'
export type { Gap, OwnEvents } from '../lib/own-events.ts'
