import type { Broker, BrokerHealth, EventRecord, Order, OrderListener } from './broker.ts'
import { createEpoch, type Position } from './position.ts'
import { BrokerUnavailable } from '../errors.ts'

/**
 * Creates the broker of a single process, which is the default. The order ends with the process: a restart begins a new one.
 *
 * @see docs/scaling.md
 */
export function memoryBroker (): Broker {
  return new MemoryBroker()
}

class MemoryBroker implements Broker {
  readonly kind = 'memory'

  async start (): Promise<void> {}

  order (): Order {
    return new MemoryOrder()
  }

  health (): BrokerHealth {
    return { up: true, delay: 0, reconnects: 0, skipped: 0, waiting: 0 }
  }

  async close (): Promise<void> {}
}

/** Places a record during the call of `publish`. */
class MemoryOrder implements Order {
  #listener: OrderListener | undefined
  #offset = 0
  readonly #epoch = createEpoch()

  async start (listener: OrderListener): Promise<void> {
    this.#listener = listener
    listener.reset({ epoch: this.#epoch, offset: this.#offset })
  }

  /** Not an async function, because those cost more, and this one is called for every event. */
  publish (record: EventRecord): Promise<Position | null> {
    if (this.#listener === undefined) return Promise.reject(new BrokerUnavailable('memory', 'the order is not open', false, undefined))
    const position = record.ephemeral ? null : { epoch: this.#epoch, offset: ++this.#offset }
    // Not awaited: the log keeps a burst of one turn of the event loop until healthy subscribers have received it.
    void this.#listener.place([{ position, record }])
    return Promise.resolve(position)
  }

  async close (): Promise<void> {
    this.#listener = undefined
  }
}
