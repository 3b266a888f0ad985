import type { FastifyReply } from 'fastify'
import { ReplySent } from './errors.ts'
import { cut } from './response-writer.ts'
import { longestTimer } from './clock.ts'

/**
 * The replies that are being turned into event streams: each once, and none for longer than a closing server waits.
 */
export class HeadPhase {
  /** Fastify does not know yet: hooks of the application run. */
  readonly #underway = new Map<FastifyReply, Promise<unknown>>()
  readonly #timeout: number
  #isClosing = false

  /** @param timeout Milliseconds that a reply may still take when the server closes. */
  constructor (timeout: number) {
    this.#timeout = timeout
  }

  get isClosing (): boolean { return this.#isClosing }

  /** @throws FST_SSE_REPLY_SENT where it is being turned already; what `turn` throws */
  async add<T> (reply: FastifyReply, turn: () => Promise<T>): Promise<T> {
    if (reply.sent || this.#underway.has(reply)) throw new ReplySent()
    const turned = turn()
    this.#underway.set(reply, turned)
    if (this.#isClosing) void this.#bound(reply, turned)
    try {
      return await turned
    } finally {
      this.#underway.delete(reply)
    }
  }

  /** @returns Resolves when none of those of now is underway any more. */
  async close (): Promise<void> {
    this.#isClosing = true
    await Promise.all(Array.from(this.#underway, ([reply, turned]) => this.#bound(reply, turned)))
  }

  async #bound (reply: FastifyReply, turned: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        cut(reply.raw)
        resolve()
      }, longestTimer(this.#timeout))
    })
    await Promise.race([turned.catch(() => {}), late])
    clearTimeout(timer)
  }
}
