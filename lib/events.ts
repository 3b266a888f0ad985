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
