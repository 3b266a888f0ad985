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
 * that one. Methods alone do not tell, since TypeScript compares their parameters in both directions. One of `AnyEvents` stands for every
 * other and every other for it: an application may say nothing about events in one place, and something in another.
 */
export type Takes<E> = IsOfAny<E> extends true ? any : { readonly [K in keyof E]: (payload: E[K]) => void }

type IsOfAny<E> = string extends keyof E ? unknown extends E[keyof E] ? true : false : false

/** What your application knows of a subscriber. Augment it to type `subscriber.context`. */
export interface SubscriberContext {}
