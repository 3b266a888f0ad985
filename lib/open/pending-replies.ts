import type { FastifyReply } from 'fastify'
import { ReplySent } from '../errors.ts'
import { cut } from '../response/open-writer.ts'
import type { ShutdownDeadline } from '../time/shutdown-deadline.ts'
import { clearTimeout, setTimeout } from '../time/timers.ts'

/**
 * The replies that are being turned into event streams: each once, and none for longer than a closing server waits.
 */
export class PendingReplies {
  /** Fastify does not know yet: hooks of the application run. */
  readonly #underway = new Map<FastifyReply, Promise<unknown>>()
  readonly #cut = new WeakSet<FastifyReply>()
  readonly #shutdownDeadline: ShutdownDeadline

  constructor (shutdownDeadline: ShutdownDeadline) {
    this.#shutdownDeadline = shutdownDeadline
  }

  /** @throws FST_SSE_REPLY_SENT where it is being turned already; what `turn` throws */
  async add<T> (reply: FastifyReply, turn: () => Promise<T>): Promise<T> {
    if (reply.sent || this.#underway.has(reply)) throw new ReplySent()
    const turned = turn()
    this.#underway.set(reply, turned)
    if (this.#shutdownDeadline.isUnderway) void this.#bound(reply, turned)
    try {
      return await turned
    } finally {
      this.#underway.delete(reply)
    }
  }

  /** Whether it took too long for a closing server. */
  wasCut (reply: FastifyReply): boolean { return this.#cut.has(reply) }

  /** @returns Resolves when none of those of now is underway any more. */
  async close (): Promise<void> {
    this.#shutdownDeadline.begin()
    await Promise.all(Array.from(this.#underway, ([reply, turned]) => this.#bound(reply, turned)))
  }

  async #bound (reply: FastifyReply, turned: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#cut.add(reply)
        cut(reply.raw)
        resolve()
      }, this.#shutdownDeadline.left)
    })
    await Promise.race([turned.catch(() => {}), late])
    clearTimeout(timer)
  }
}
