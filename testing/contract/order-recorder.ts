import type { EventRecord, OrderListener, Placed } from '../../lib/broker/broker.ts'
import { NO_POSITION, type Position } from '../../lib/broker/position.ts'

/** A call of a listener. */
export type ListenerCall =
  | { readonly call: 'place', readonly position: Position | null, readonly record: EventRecord }
  | { readonly call: 'lose', readonly position: Position | null }
  | { readonly call: 'reset', readonly position: Position }

/** A listener that records its calls. */
export class OrderRecorder implements OrderListener {
  readonly calls: ListenerCall[] = []
  oldest = NO_POSITION
  /** Called for each batch; the broker waits for its promise. */
  onPlace: () => Promise<void> | undefined = () => undefined
  #waiting: Array<{ readonly holds: () => boolean, readonly resolve: () => void }> = []

  place (batch: readonly Placed[]): Promise<void> | undefined {
    for (const placed of batch) this.calls.push({ call: 'place', ...placed })
    for (const { holds, resolve } of this.#waiting) if (holds()) resolve()
    this.#waiting = this.#waiting.filter(({ holds }) => !holds())
    return this.onPlace()
  }

  lose (position: Position | null): void {
    this.calls.push({ call: 'lose', position })
  }

  reset (position: Position): void {
    this.calls.push({ call: 'reset', position })
  }

  /** The records, in their order. */
  get records (): EventRecord[] { return this.calls.flatMap((call) => call.call === 'place' ? [call.record] : []) }

  /** The bodies of the records, in their order. */
  get bodies (): string[] { return this.records.map(({ body }) => body) }

  /** The positions of the records, in their order. */
  get positions (): Array<Position | null> { return this.calls.flatMap((call) => call.call === 'place' ? [call.position] : []) }

  /** The calls that tell of a loss. The first call tells where the order begins. */
  get breaks (): Array<'lose' | 'reset'> { return this.calls.slice(1).flatMap(({ call }) => call === 'place' ? [] : [call]) }

  /** Waits until so many records have come. */
  until (count: number): Promise<void> {
    return this.#wait(() => this.bodies.length >= count)
  }

  /** Waits until a record has come. */
  upTo (body: string): Promise<void> {
    return this.#wait(() => this.bodies.includes(body))
  }

  async #wait (holds: () => boolean): Promise<void> {
    if (!holds()) await new Promise<void>((resolve) => this.#waiting.push({ holds, resolve }))
  }
}
