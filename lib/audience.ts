import type { Delivery } from './delivery.ts'
import type { Subscriber } from './subscriber.ts'

/** Those that hear a channel, each with its delivery: whoever serves them all needs no look at the rest. */
export type Audience = ReadonlyMap<Subscriber, Delivery>
