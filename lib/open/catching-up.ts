import type { Order } from '../broker/broker.ts'
import { isAfter, parsePosition, type Position } from '../broker/position.ts'
import type { Replica } from '../log/replica.ts'
import { monotonicTime, setTimeout } from '../time/timers.ts'

// The time to wait for an event that the engine has: much longer than a node is behind another, and short enough for a reader to wait.
const MAX_WAIT = 10_000
// The time to wait while the engine does not answer: the event may not exist.
const MAX_WAIT_WITHOUT_ANSWER = 2000
// The least time between two questions to the engine: readers may send any ID, and must not keep the engine busy.
const QUESTION_INTERVAL = 100

/** Makes a reader that comes from a node ahead of this one wait until this node has caught up. */
export class CatchingUp {
  readonly #order: Pick<Order, 'head'>
  readonly #replica: Replica
  /** The newest position that the engine has reported. */
  #head: Position | undefined
  #asked = -Infinity
  /** The next question to the engine; undefined if no reader waits for one. */
  #question: Promise<void> | undefined

  constructor (order: Pick<Order, 'head'>, replica: Replica) {
    this.#order = order
    this.#replica = replica
  }

  /**
   * Waits until the log has got to an event ID. Does not wait for an ID that the engine has not given to an event. Waits 10 s at
   * most, and 2 s while the engine does not answer.
   *
   * @returns Undefined if there is nothing to wait for.
   */
  wait (eventId: string): Promise<void> | undefined {
    if (this.#order.head === undefined) return undefined
    const position = parsePosition(eventId)
    return position !== undefined && this.#replica.isBehind(position) ? this.#reach(position) : undefined
  }

  async #reach (position: Position): Promise<void> {
    const withoutAnswer = AbortSignal.timeout(MAX_WAIT_WITHOUT_ANSWER)
    if (!this.#isKnown(position)) await this.#ask(withoutAnswer)
    if (this.#isKnown(position)) await this.#replica.reach(position, AbortSignal.timeout(MAX_WAIT))
    else if (this.#head === undefined) await this.#replica.reach(position, withoutAnswer)
  }

  #isKnown (position: Position): boolean {
    return this.#head !== undefined && !isAfter(position, this.#head)
  }

  /** Asks the engine. All readers that come before the question is asked share the answer; a later one may know of a later event. */
  #ask (signal: AbortSignal): Promise<void> {
    this.#question ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#question = undefined
        this.#asked = monotonicTime()
        this.#order.head!().then((head) => { this.#head = head }, () => { this.#head = undefined }).finally(resolve)
      }, Math.max(0, this.#asked + QUESTION_INTERVAL - monotonicTime()))
    })
    return Promise.race([this.#question, new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))])
  }
}
