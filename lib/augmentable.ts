// The interfaces that an application augments with types of its own, and the types derived from them.

/**
 * The payload types of your application, by event type. An augmentation, `interface Events extends EventsOf<typeof events> {}`, types
 * `app.sse` in the whole program. Several features may each add their events.
 *
 * @see README.md
 */
export interface Events {}

/** The payload types of an application that does not declare its events: any event type, any payload. */
export interface AnyEvents {
  [event: string]: unknown
}

/** The payload types of `app.sse`: `Events` if the application augments it, otherwise `AnyEvents`. */
export type RegisteredEvents = keyof Events extends never ? AnyEvents : Events

/**
 * Makes hubs, channels and subscribers contravariant in their events: one is assignable to another if it takes every event of the other.
 * Their methods alone do not achieve this, because TypeScript compares the parameters of methods bivariantly. A hub of `AnyEvents` is
 * assignable to every other hub and every other hub to it, because an application may type its events in some places only.
 */
export type Takes<E> = IsOfAny<E> extends true ? any : { readonly [K in keyof E]: (payload: E[K]) => void }

type IsOfAny<E> = string extends keyof E ? unknown extends E[keyof E] ? true : false : false

/** The type of `subscriber.context`: the data that your application attaches to a subscriber. Augment it to type that property. */
export interface SubscriberContext {}
