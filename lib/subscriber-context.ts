/** What your application knows of a subscriber. Augment it to type `subscriber.context`. */

export interface SubscriberContext {}
