// The life cycle of the page, as far as it concerns connections.

export interface PageListener {
  /** The page is being left. It may return from the back/forward cache. */
  left (): void
  /** The page has returned from the back/forward cache. */
  returned (): void
  /** The page is visible or online again: a good moment for an attempt. */
  shown (): void
  /** The machine slept or was offline: connections may be dead without an error. */
  slept (): void
}

const BEAT = 20_000

// Browsers may throttle the timers of a hidden page to one call per minute, which must not count as sleep.
const SLEEP = 100_000

/**
 * Watches the life cycle of the page. Workers and Node report only a part of it.
 *
 * @returns A function that stops watching.
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
    // The wall clock: on some systems `performance.now()` stops while the machine sleeps. Setting the clock forward costs one reconnect.
    const now = Date.now()
    if (now - beat > BEAT + SLEEP) slept()
    beat = now
  }, BEAT)
  return () => {
    watching.abort()
    clearInterval(timer)
  }
}
