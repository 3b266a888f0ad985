export interface PageListener {
  /** The page is being left, perhaps to be returned to. */
  left (): void
  /** It came out of the back/forward cache. */
  returned (): void
  /** Somebody looks at it again, or it is online again: a good moment for a try. */
  shown (): void
  /** The machine slept or was offline: its connections may be dead, and nothing would tell. */
  slept (): void
}

const BEAT = 20_000

// A hidden page's timers may come once a minute.
const SLEEP = 100_000

/**
 * Watches what becomes of the page. Workers and Node have less to tell.
 *
 * @returns What ends it.
 */
export function watchPage ({ left, returned, shown, slept }: PageListener): () => void {
  const watching = new AbortController()
  const on = (target: Partial<EventTarget> | undefined, type: string, handle: (event: { persisted?: boolean }) => void): void => {
    target?.addEventListener?.(type, handle as EventListener, { signal: watching.signal })
  }
  let beat = Date.now()
  on(globalThis, 'pagehide', left)
  on(globalThis, 'pageshow', ({ persisted }) => {
    beat = Date.now()
    if (persisted) returned()
  })
  on(globalThis, 'online', () => {
    slept()
    shown()
  })
  on(globalThis.document, 'visibilitychange', () => { if (document.visibilityState === 'visible') shown() })

  const timer = setInterval(() => {
    // The wall clock: on some systems `performance.now()` stands still while the machine sleeps. A clock that is set forward costs a reconnect.
    const now = Date.now()
    if (now - beat > BEAT + SLEEP) slept()
    beat = now
  }, BEAT)
  return () => {
    watching.abort()
    clearInterval(timer)
  }
}
