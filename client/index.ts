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

let failures = 0

/** A browser may remember that a module did not load, and never ask for its URL again. */
async function loadFetchTransport (): Promise<typeof import('./fetch-transport.ts')> {
  try {
    return await import('./fetch-transport.ts')
  } catch (error) {
    return await import(/* @vite-ignore */ `${new URL('./fetch-transport.js', import.meta.url)}?${++failures}`).catch(() => { throw error })
  }
}

/** Loaded by those that need it. */
function fetchTransport ({ headers = {}, withCredentials }: Pick<Settings, 'headers' | 'withCredentials'>): Transport {
  return (options, listener) => {
    let isClosed = false
    let close = (): void => { isClosed = true }
    loadFetchTransport().then(({ openFetch }) => {
      if (!isClosed) close = openFetch(options, { headers, withCredentials, judge }, listener).close
    }, (error) => {
      if (isClosed) return
      listener.error(error)
      listener.lost({})
    })
    return { seesComments: true, hear () {}, close: () => close() }
  }
}

/** A page that is not secure has no locks. */
function canShare (): boolean {
  return globalThis.navigator?.locks !== undefined && globalThis.BroadcastChannel !== undefined
}

function shareConnection (settings: Settings, listener: SourceListener): Source {
  const open = (lastEventId: string, listener: SourceListener): Source => openConnection(settings, fetchTransport(settings), lastEventId, listener)
  let { lastEventId } = settings
  let source: Source | undefined
  let isClosed = false
  const begin = (make: () => Source): void => { if (!isClosed) source ??= make() }
  const alone = (): void => begin(() => open(lastEventId, listener))
  const timer = settings.connectTimeout === Infinity ? undefined : setTimeout(alone, settings.connectTimeout)
  import('./sharing.ts')
    .then(({ SharedConnection }) => begin(() => new SharedConnection({ ...settings, lastEventId }, { open, watchPage }, listener)))
    .catch(alone)
    .finally(() => clearTimeout(timer))
  return {
    get lastEventId () { return source?.lastEventId ?? lastEventId },
    hear () {},
    reconnect (id) {
      if (source === undefined) lastEventId = id ?? lastEventId
      else source.reconnect(id)
    },
    hasten: () => source?.hasten(),
    close () {
      if (source !== undefined) return source.close()
      if (isClosed) return
      isClosed = true
      listener.status({ state: 'closed', reason: 'closed' })
    }
  }
}

export { UnreadableEvent, type EventInfo, type EventStream } from './event-stream.ts'
export type { Backoff } from './connection.ts'
export type { ParsedEvent } from './event-stream-parser.ts'
export type { RequestHeaders } from './fetch-transport.ts'
export type { ConnectOptions } from './options.ts'
export type { AnyDeclarations, EventName, Payloads, TextEvent } from './payloads.ts'
export type { Closed, Status } from './status.ts'
export type { Gap, OwnEvents } from '../lib/own-events.ts'
