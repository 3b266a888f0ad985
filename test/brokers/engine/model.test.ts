import t from 'tap'
import fc from 'fast-check'
import type { Order } from '../../../lib/broker/broker.ts'
import { EngineBroker } from '../../../brokers/engine/engine-broker.ts'
import { tries } from '../../support/tries.ts'
import { FakeEngine } from './fake-engine.ts'
import { createRecord } from '../../../testing/contract/contract-node.ts'
import { OrderRecorder, type ListenerCall } from '../../../testing/contract/order-recorder.ts'

// Brokers over an engine that fails in all ways at random, and what must hold nevertheless.

const INTERVALS = { look: 20, tick: 4, maxBackoff: 10 }
const BOUNDS = { maxWaiting: 1000, maxWaitingBytes: 1e6, publishTimeout: 60_000 }

interface Node {
  readonly broker: EngineBroker
  readonly order: Order
  readonly recorder: OrderRecorder
}

/** A published record, and how its promise was settled. */
interface Published {
  readonly body: string
  readonly node: Node
  placed: boolean
  rejected: false | undefined | null
}

async function startNode (engine: FakeEngine, maxEvents = Infinity): Promise<Node> {
  const broker = new EngineBroker(engine.forBroker(), BOUNDS, INTERVALS)
  const recorder = new OrderRecorder()
  const order = broker.order('events')
  await broker.start({ down: () => {}, up: () => {}, skipped: () => {} })
  void order.start(recorder, { maxEvents, maxBytes: 1e6, keepFor: Infinity })
  return { broker, order, recorder }
}

const step = fc.record({
  what: fc.constantFrom('publish', 'publish', 'publish', 'publish', 'burst', 'ephemeral', 'pause', 'pause', 'cut', 'flush', 'go back', 'trim', 'away', 'back', 'full', 'roomy', 'late', 'new node'),
  which: fc.nat({ max: 2 }),
  count: fc.integer({ min: 1, max: 20 })
})

/** The records that a listener got since the last break, by position. */
function sinceBreak (calls: readonly ListenerCall[]): Array<Extract<ListenerCall, { call: 'place' }>> {
  const at = calls.findLastIndex(({ call }) => call !== 'place')
  return calls.slice(at + 1).filter((call) => call.call === 'place')
}

const key = ({ position }: Extract<ListenerCall, { call: 'place' }>): string => position === null ? '' : `${position.epoch}.${position.offset}`

async function play (steps: ReadonlyArray<{ what: string, which: number, count: number }>, seed: number): Promise<string[]> {
  const faults: string[] = []
  const engine = new FakeEngine()
  let random = seed
  engine.delay = async () => {
    random = (random * 1103515245 + 12345) % 2147483648
    if (random % 5 === 0) await new Promise((resolve) => setTimeout(resolve, random % 3))
    else if (random % 5 < 3) await new Promise(setImmediate)
  }
  const nodes = [await startNode(engine), await startNode(engine), await startNode(engine, 5)]
  const published: Published[] = []
  let number = 0
  const publish = (node: Node, ephemeral = false): void => {
    const body = `${ephemeral ? 'e' : 'k'}${++number}`
    const one: Published = { body, node, placed: false, rejected: null }
    published.push(one)
    node.order.publish(createRecord(body, { ephemeral })).then(
      () => { one.placed = true },
      (error: { stored: false | undefined }) => { one.rejected = error.stored })
  }
  const pause = (milliseconds: number): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, milliseconds))
  for (const { what, which, count } of steps) {
    const node = nodes[which]!
    switch (what) {
      case 'publish': publish(node); break
      case 'ephemeral': publish(node, true); break
      case 'burst': for (let i = 0; i < count; i++) publish(node, i % 4 === 0); break
      case 'pause': await pause(count); break
      case 'cut': engine.cut(); break
      case 'flush': engine.flush(); break
      case 'go back': engine.goBack(count); break
      case 'trim': engine.trim(count); break
      case 'away': engine.isThere = false; engine.cut(); break
      case 'back': engine.isThere = true; break
      case 'full': engine.isFull = true; break
      case 'roomy': engine.isFull = false; break
      case 'late': engine.storesLate = count % 2 === 0; break
      case 'new node': nodes.push(await startNode(engine, count)); break
    }
  }
  engine.isThere = true
  engine.isFull = false
  engine.storesLate = false
  for (const node of nodes) publish(node)
  for (let tries = 0; tries < 400 && published.some(({ placed, rejected }) => !placed && rejected === null); tries++) await pause(5)
  for (const { body, placed, rejected } of published) if (!placed && rejected === null) faults.push(`${body} is not settled`)
  for (const node of nodes) publish(node)
  // Everybody has everything when the last ones of all have come to all.
  const last = published.slice(-nodes.length).map(({ body }) => body)
  const hasAll = ({ recorder }: Node): boolean => last.every((body) => recorder.bodies.includes(body))
  for (let tries = 0; tries < 400 && !nodes.every(hasAll); tries++) await pause(5)
  if (!nodes.every(hasAll)) faults.push('a node does not get what is published in the end')

  for (const [at, { recorder: { calls, bodies } }] of nodes.entries()) {
    if (calls[0]?.call !== 'reset') faults.push(`node ${at} was not told where the order begins`)
    if (new Set(bodies).size !== bodies.length) faults.push(`node ${at} got a record twice: ${bodies.join(' ')}`)
    let epoch = ''
    let offset = 0
    for (const call of calls) {
      if (call.position === null) continue
      if (call.call === 'reset') {
        if (call.position.epoch <= epoch) faults.push(`node ${at}: an epoch that is not greater`)
        epoch = call.position.epoch
      } else if (call.position.epoch !== epoch || call.position.offset <= offset) {
        faults.push(`node ${at}: ${call.call} at ${call.position.epoch}.${call.position.offset} after ${epoch}.${offset}`)
      }
      offset = call.position.offset
    }
    for (const one of published) {
      if (one.rejected === false && bodies.includes(one.body)) faults.push(`${one.body} was rejected as not stored, and is at node ${at}`)
    }
    // The kept records of one node keep the order of its calls.
    for (const publisher of nodes) {
      const own = published.filter(({ node, body }) => node === publisher && bodies.includes(body)).map(({ body }) => body)
      const there = bodies.filter((body) => own.includes(body))
      if (own.join() !== there.join()) faults.push(`node ${at}: ${there.join(' ')} instead of ${own.join(' ')}`)
    }
  }
  for (const { body, node, placed } of published) {
    const { recorder } = node
    if (placed && body.startsWith('k') && !recorder.bodies.includes(body) && recorder.breaks.length === 0) faults.push(`${body} has a place and did not come`)
  }
  // Since their last breaks all nodes have the same records at the same places, without a hole between them.
  const tails = nodes.map(({ recorder: { calls } }) => {
    const kept = sinceBreak(calls).filter(({ position }) => position !== null)
    return new Map(kept.map((call) => [key(call), call.record.body]))
  })
  for (const tail of tails) {
    for (const [at, other] of tails.entries()) {
      const { bodies } = nodes[at]!.recorder
      const shared = [...tail.keys()].filter((place) => other.has(place))
      const [from, to] = [shared[0], shared.at(-1)]
      if (from === undefined || to === undefined) faults.push('two nodes have nothing in common')
      else {
        const places = [...tail.keys()]
        const between = places.slice(places.indexOf(from), places.indexOf(to) + 1)
        // A record that a node got before a break is not placed again there.
        const isFine = (place: string): boolean => other.has(place) ? tail.get(place) === other.get(place) : bodies.includes(tail.get(place)!)
        for (const place of between) if (!isFine(place)) faults.push(`${place} is ${tail.get(place)} and ${other.get(place)}`)
      }
    }
  }
  for (const { order, broker } of nodes) {
    await order.close(1000)
    await broker.close()
  }
  return faults
}

t.test('whatever an engine loses, nodes agree on one order, and get each record once or are told', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), fc.nat(), async (steps, seed) => {
    const faults = await play(steps, seed)
    if (faults.length > 0) throw new Error(faults.slice(0, 10).join('\n'))
  }), { ...tries(Number(process.env.TRIES ?? 200)), endOnFailure: false })
})
