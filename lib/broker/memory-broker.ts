import type { Broker, Place, Publication } from './broker.ts'
import { createEpoch, type Position } from './position.ts'

/** The broker of a single process. It places an event during the call of `publish`. A restart begins a new epoch. */
export class MemoryBroker implements Broker {
  readonly #epoch = createEpoch()
  #offset = 0
  #place!: Place

  async start (place: Place): Promise<Position> {
    this.#place = place
    return { epoch: this.#epoch, offset: this.#offset }
  }

  async publish (publication: Publication): Promise<Position | null> {
    const position = publication.ephemeral ? null : { epoch: this.#epoch, offset: ++this.#offset }
    this.#place(position, publication)
    return position
  }

  async close (): Promise<void> {}
}
