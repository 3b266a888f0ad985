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

/** A listener whose records wait until it is opened. */
export class Gate {
  #isOpen = true
  #opened: Promise<void> = Promise.resolve()
  open: () => void = () => {}

  close (): void {
    this.#isOpen = false
    this.#opened = new Promise((resolve) => { this.open = () => { this.#isOpen = true; resolve() } })
  }

  /** What an order does whose records wait at the gate. */
  hold (order: Order): Partial<Order> {
    return {
      start: (listener, bounds) => order.start({
        place: (batch) => this.#isOpen ? listener.place(batch) : this.#opened.then(() => listener.place(batch)),
        lose: (upTo) => listener.lose(upTo),
        reset: (origin) => listener.reset(origin),
        get oldest () { return listener.oldest }
      }, bounds)
    }
  }
}
