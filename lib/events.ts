/**
 * The events of your application, by name: `interface Events extends EventsOf<typeof events> {}` types `app.sse` everywhere.
 * Several features may each add theirs.
 */

export interface Events {}

/** What may be broadcast where nothing is said about events. */
export interface AnyEvents {
  [event: string]: unknown
}

/** The events that `app.sse` knows by type. */
export type RegisteredEvents = keyof Events extends never ? AnyEvents : Events

/**
 * What can be broadcast or sent, for the comparison of two hubs, channels or subscribers: one stands for another if it takes every event of
 * that one. Methods alone do not tell, since TypeScript compares their parameters in both directions.
 */
export type Takes<E> = { readonly [K in keyof E]: (payload: E[K]) => void }
