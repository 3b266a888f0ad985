import type { Transport } from './attempt.ts'
import type { RequestHeaders } from './fetch-transport.ts'
import { watchPage } from './page-life.ts'
import type { SharingOptions } from './sharing.ts'
import type { Source, SourceListener } from './source.ts'
import { judge } from './verdict.ts'

// What not every page needs is loaded by those that do, and handed what this module has: nothing is loaded twice.

/** @param headers Undefined: none. */
export function fetchTransport (headers: RequestHeaders = {}, withCredentials: boolean): Transport {
  let loading: ReturnType<typeof loadFetchTransport> | undefined
  return (options, listener) => {
    let isClosed = false
    let close = (): void => { isClosed = true }
    loading ??= loadFetchTransport()
    loading.then(({ openFetch }) => {
      if (!isClosed) close = openFetch(options, { headers, withCredentials, judge }, listener).close
    }, (error) => {
      loading = undefined
      if (isClosed) return
      listener.error(error)
      listener.lost({})
    })
    return { seesComments: true, hear () {}, close: () => close() }
  }
}

async function loadFetchTransport (): Promise<typeof import('./fetch-transport.ts')> {
  try {
    return await import('./fetch-transport.ts')
  } catch (error) {
    // A browser may remember that a module did not load, and never ask for its URL again.
    return await import(`${new URL('./fetch-transport.js', import.meta.url)}?${Date.now()}`).catch(() => { throw error })
  }
}

/**
 * A source that all tabs share; where that part does not load in time, one of this tab's own.
 *
 * @param open Makes that, and the one of the tab that leads.
 */
export function sharedSource (options: SharingOptions, open: (lastEventId: string, listener: SourceListener) => Source, listener: SourceListener): Source {
  let { lastEventId } = options
  let source: Source | undefined
  let isClosed = false
  const begin = (make: () => Source): void => { if (!isClosed) source ??= make() }
  const alone = (): void => begin(() => open(lastEventId, listener))
  const timer = options.connectTimeout === Infinity ? undefined : setTimeout(alone, options.connectTimeout)
  import('./sharing.ts')
    .then(({ SharedConnection }) => begin(() => new SharedConnection({ ...options, lastEventId }, { open, watchPage }, listener)))
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
