import type { Broker, BrokerReports, Order, OrderBounds, OrderListener } from './broker.ts'
import { BrokerUnavailable } from '../errors.ts'
import { within } from '../time/within.ts'

/** The part of the application's logger that brokers use. */
interface Logger {
  info (message: string): void
  warn (fields: object, message: string): void
}

/** Makes the reports of a broker that go to the log of the application. */
function reportsTo (logger: Logger, { kind }: Broker): BrokerReports {
  return {
    down: (err) => logger.warn({ err }, `sse: the ${kind} broker has no connection; events wait for it, and open streams stay open`),
    up: () => logger.info(`sse: the ${kind} broker has its connection again`),
    skipped: (order, problem) => {
      logger.warn({ order }, `sse: a record that is not of this plugin was skipped (${problem}); later ones of this order are counted, not logged`)
    }
  }
}

/** The broker and the order to start, and the time to wait for them. */
interface Starting {
  readonly broker: Broker
  readonly order: Order
  readonly listener: OrderListener
  readonly bounds: OrderBounds
  /** The longest time to wait in milliseconds; false: no wait, so that the application starts without the engine. */
  readonly timeout: number | false
  readonly logger: Logger
  /** Called when the order is loaded. */
  loaded (): void
}

/**
 * Starts a broker and an order of it, and waits until the order is loaded.
 *
 * @throws FST_SSE_BROKER_UNAVAILABLE when the time is over, and any error of the broker. The broker is closed then.
 */
export async function startOrder ({ broker, order, listener, bounds, timeout, logger, loaded: onLoaded }: Starting): Promise<void> {
  try {
    await broker.start(reportsTo(logger, broker))
    const loaded = order.start(listener, bounds).then(onLoaded)
    const late = (): Error => new BrokerUnavailable(broker.kind, `it was not ready within ${timeout} ms ("waitForBroker")`, false, undefined)
    if (timeout !== false) await within(timeout, loaded, late)
    // The broker reports why it takes longer.
    else loaded.catch(() => {})
  } catch (error) {
    await order.close(0)
    await broker.close()
    throw error
  }
}
