import type { Broker, Order } from '../../lib/broker/broker.ts'

/** A broker, one of whose orders behaves differently. @param changes What the order does instead. It gets the real one. */
export function withOrder (broker: Broker, changed: string, changes: (order: Order) => Partial<Order>): Broker {
  return {
    kind: broker.kind,
    start: (reports) => broker.start(reports),
    order: (name) => name === changed ? orderWith(broker.order(name), changes) : broker.order(name),
    health: () => broker.health(),
    close: () => broker.close()
  }
}

function orderWith (order: Order, changes: (order: Order) => Partial<Order>): Order {
  return {
    start: (listener, bounds) => order.start(listener, bounds),
    publish: (record) => order.publish(record),
    head: () => order.head!(),
    close: (timeout) => order.close(timeout),
    ...changes(order)
  }
}

/** What waits until it is opened: the records of a listener, or whatever the test says. */
export class Gate {
  #isOpen = true
  #opened: Promise<void> = Promise.resolve()
  open: () => void = () => {}
  /** Resolves when records wait. */
  held: Promise<void> = Promise.resolve()
  #hold: () => void = () => {}

  /** Resolves when the gate is open. */
  get passed (): Promise<void> { return this.#opened }

  close (): void {
    this.#isOpen = false
    this.held = new Promise((resolve) => { this.#hold = resolve })
    this.#opened = new Promise((resolve) => { this.open = () => { this.#isOpen = true; resolve() } })
  }

  /** What an order does whose records wait at the gate. */
  hold (order: Order): Partial<Order> {
    return {
      start: (listener, bounds) => order.start({
        place: (batch) => {
          if (this.#isOpen) return listener.place(batch)
          this.#hold()
          return this.#opened.then(() => listener.place(batch))
        },
        lose: (upTo) => listener.lose(upTo),
        reset: (origin) => listener.reset(origin),
        get oldest () { return listener.oldest }
      }, bounds)
    }
  }
}
