import type { EventRecord, OrderListener, Placed } from '../../../lib/broker/broker.ts'
import { NO_POSITION, type Position } from '../../../lib/broker/position.ts'

/** A call of a listener. */
export type Call =
  | { readonly call: 'place', readonly position: Position | null, readonly record: EventRecord }
  | { readonly call: 'lose' | 'reset', readonly position: Position }

/** A listener that records its calls, and lets a test wait for them. */
export class Listener implements OrderListener {
  readonly calls: Call[] = []
  oldest = NO_POSITION
  #waiting: Array<{ readonly isDone: () => boolean, readonly resolve: () => void }> = []

  place (batch: readonly Placed[]): undefined {
    for (const placed of batch) this.calls.push({ call: 'place', ...placed })
    this.#called()
  }

  lose (position: Position): void {
    this.calls.push({ call: 'lose', position })
    this.#called()
  }

  reset (position: Position): void {
    this.calls.push({ call: 'reset', position })
    this.#called()
  }

  /** The bodies of the records, in their order. */
  get bodies (): string[] { return this.calls.flatMap((call) => call.call === 'place' ? [call.record.body] : []) }

  /** The positions of the records, in their order. */
  get positions (): Array<Position | null> { return this.calls.flatMap((call) => call.call === 'place' ? [call.position] : []) }

  /** The positions of `reset`, in their order. */
  get origins (): Position[] { return this.calls.flatMap((call) => call.call === 'reset' ? [call.position] : []) }

  /** Waits for calls. @param isDone Called after each call. */
  until (isDone: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ isDone, resolve })
      this.#called()
    })
  }

  #called (): void {
    const waiting = this.#waiting
    this.#waiting = waiting.filter(({ isDone }) => !isDone())
    for (const waiter of waiting) if (!this.#waiting.includes(waiter)) waiter.resolve()
  }
}

/** A record with a body. */
export function recordOf (body: string, more: Partial<EventRecord> = {}): EventRecord {
  return { channels: ['*'], body, ephemeral: false, id: undefined, key: undefined, time: Date.now(), ...more }
}
