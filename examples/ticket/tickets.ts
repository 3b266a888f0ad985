import { randomBytes } from 'node:crypto'

/** Tickets that are valid once, and for a short time. */
export class Tickets<Holder> {
  readonly #holders = new Map<string, Holder>()
  readonly #lifetime: number

  /** @param lifetime The lifetime of a ticket, in milliseconds. */
  constructor (lifetime: number) {
    this.#lifetime = lifetime
  }

  issue (holder: Holder): string {
    const ticket = randomBytes(24).toString('base64url')
    this.#holders.set(ticket, holder)
    setTimeout(() => this.#holders.delete(ticket), this.#lifetime).unref()
    return ticket
  }

  /** @returns The holder of the ticket, only at the first call; undefined afterwards, and for an unknown ticket. */
  redeem (ticket: string): Holder | undefined {
    const holder = this.#holders.get(ticket)
    this.#holders.delete(ticket)
    return holder
  }
}
