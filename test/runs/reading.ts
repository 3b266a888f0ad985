import { memoryBroker } from '../../lib/broker/memory-broker.ts'
import { createEpoch } from '../../lib/broker/position.ts'
import { LocalRun } from '../../lib/runs/local-run.ts'
import { ItemEncoder } from '../../lib/runs/item-encoder.ts'
import { Producer } from '../../lib/runs/producer.ts'
import { PublishBudget } from '../../lib/runs/publish-budget.ts'
import { beginningRecord, itemChannels, itemRecord, type RunTerms } from '../../lib/runs/run-records.ts'
import type { RunEnd } from '../../lib/runs/run-status.ts'
import { EventEncoder } from '../../lib/publish/event-encoder.ts'
import { EventTypes } from '../../lib/schema/event-types.ts'
import type { Declarations } from '../../lib/schema/declarations.ts'
import { Delivery } from '../../lib/subscribers/delivery.ts'
import { Pump } from '../../lib/subscribers/pump.ts'
import { Subscriber } from '../../lib/subscribers/subscriber.ts'
import type { StartingPoint } from '../../lib/cursor/placement.ts'
import { encodeEvent, encodePayload } from '../../lib/wire/encode.ts'
import type { StreamForm } from '../../lib/wire/stream-form.ts'
import { createFanOut, GatedWriter } from '../support/fan-out.ts'

/** A run and its readers without a server: readers read when the test lets them. */
export async function createRun (declarations: Declarations, { maxBytes = 4 * 1024 * 1024, keepFor = 60_000, maxBacklogBytes = 256 * 1024 } = {}) {
  const { hub } = createFanOut({}, { maxBacklogBytes })
  const types = await EventTypes.compile([declarations])
  const mergeErrors: unknown[] = []
  const order = memoryBroker().order('run:test')
  let forgotten = 0
  const run: LocalRun = new LocalRun({
    id: 'test',
    order,
    pump: new Pump(),
    afterGap: 'replay',
    mergers: types.mergers((error) => mergeErrors.push(error)),
    now: () => 0,
    forget: () => { forgotten++ }
  })
  const terms: RunTerms = { key: createEpoch(), node: 'here', keepFor, maxBytes, stopWhenUnread: Infinity }
  await order.start(run.replica, { maxEvents: Infinity, maxBytes, keepFor })
  await order.publish(beginningRecord(terms, undefined))
  run.open()
  const channels = itemChannels(terms)
  let number = 0
  return {
    hub,
    run,
    terms,
    mergeErrors,
    order,
    /** How often the run was to be forgotten. */
    forgotten: () => forgotten,
    /** Publishes one item. */
    async item (event: string, data: unknown): Promise<void> {
      const body = encodeEvent(event, encodePayload(event, data, types.isText(event) === true))
      await order.publish(itemRecord(channels, terms.key, ++number, body))
    },
    async end (status: RunEnd): Promise<void> {
      await run.end(status)
    },
    /** @param event The event type of every item. */
    producer: (event: string) => new Producer({
      order,
      terms,
      encoder: new ItemEncoder(new EventEncoder(types, Infinity), event, maxBytes),
      budget: new PublishBudget(),
      log: run.replica.log!,
      readers: run.feed,
      failed () {}
    }),
    /** Opens a stream, or does not if the reader has everything. */
    read (lastEventId: string | undefined, form: StreamForm = hub.form): { writer: GatedWriter, subscriber: Subscriber } | undefined {
      const at: StartingPoint = lastEventId === undefined ? run.feed.startingPoint(undefined) : { from: 'id', id: lastEventId, isNamed: false }
      if (run.feed.hasAll(at, form)) return undefined
      const writer = new GatedWriter()
      const start = { feed: run.feed, at, channels: [], coding: 'identity' as const, form, context: {}, expiresAt: Infinity }
      const { cursor } = run.feed.place(start)
      const subscriber = new Subscriber(hub, new Delivery(hub, run.feed.pump, cursor, writer, form), {})
      writer.onClosed = () => subscriber.responseClosed()
      hub.add(subscriber)
      if (cursor.isBehind) run.feed.pump.add(subscriber.delivery)
      run.feed.opened(subscriber)
      return { writer, subscriber }
    }
  }
}

/** Waits until everything is written that sockets accept. */
export async function settled (): Promise<void> {
  for (let turns = 0; turns < 8; turns++) await new Promise(setImmediate)
}
