import type { Broker, EventRecord, Order, OrderBounds } from '../../lib/broker/broker.ts'
import { OrderRecorder } from './order-recorder.ts'

// Parts that the tests of the broker contract share.

/** Bounds that no test reaches. */
export const BOUNDS: OrderBounds = { maxEvents: 10_000, maxBytes: 16 * 1024 * 1024, keepFor: Infinity }

/** A node: a broker and what its listeners got. */
export class ContractNode {
  readonly broker: Broker
  readonly #orders: Order[] = []

  constructor (broker: Broker) {
    this.broker = broker
  }

  /** Starts an order. */
  async start (name: string, bounds: Partial<OrderBounds> = {}): Promise<{ order: Order, recorder: OrderRecorder }> {
    const order = this.broker.order(name)
    const recorder = new OrderRecorder()
    this.#orders.push(order)
    await order.start(recorder, { ...BOUNDS, ...bounds })
    return { order, recorder }
  }

  async close (): Promise<void> {
    for (const order of this.#orders) await order.close(5000)
    await this.broker.close()
  }
}

/**
 * Adds a test.
 *
 * @param title A claim about the broker.
 * @param check Checks the claim. `node` starts a node, which is closed at the end of the test. `name` is a name for an order of its own.
 */
export type AddTest = (title: string, check: (node: () => Promise<ContractNode>, name: string) => Promise<void>) => void

/**
 * Makes a record.
 *
 * @param body The event in its wire form.
 * @param more Other fields than those of an event for everybody.
 */
export function createRecord (body: string, more: Partial<EventRecord> = {}): EventRecord {
  return { channels: ['*'], body, ephemeral: false, id: undefined, key: undefined, time: Date.now(), ...more }
}
