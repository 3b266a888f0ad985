import { randomBytes } from 'node:crypto'

/** Tickets that are good for one entry, and for a short time. */
export class Tickets<Holder> {
  readonly #holders = new Map<string, Holder>()
  readonly #lifetime: number

  /** @param lifetime In milliseconds. */
  constructor (lifetime: number) {
    this.#lifetime = lifetime
  }

  issue (holder: Holder): string {
    const ticket = randomBytes(24).toString('base64url')
    this.#holders.set(ticket, holder)
    setTimeout(() => this.#holders.delete(ticket), this.#lifetime).unref()
    return ticket
  }

  /** Whose ticket it is, once. */
  redeem (ticket: string): Holder | undefined {
    const holder = this.#holders.get(ticket)
    this.#holders.delete(ticket)
    return holder
  }
}
