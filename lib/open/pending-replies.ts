import type { FastifyReply } from 'fastify'
import { ReplySent } from '../errors.ts'
import { cut } from '../response/open-writer.ts'
import type { ShutdownDeadline } from '../time/shutdown-deadline.ts'
import { clearTimeout, setTimeout } from '../time/timers.ts'

/** The replies whose event streams are opening: each reply opens once, and is cut if it is still opening at the shutdown deadline. */
export class PendingReplies {
  /** The replies whose streams are opening, each with the promise of its stream. `reply.sent` is not true for all of them yet. */
  readonly #underway = new Map<FastifyReply, Promise<unknown>>()
  readonly #cut = new WeakSet<FastifyReply>()
  readonly #shutdownDeadline: ShutdownDeadline

  constructor (shutdownDeadline: ShutdownDeadline) {
    this.#shutdownDeadline = shutdownDeadline
  }

  /**
   * Opens the event stream of a reply.
   *
   * @throws FST_SSE_REPLY_SENT when the reply is sent, or its stream is already opening; any error of `open`.
   */
  async add<T> (reply: FastifyReply, open: () => Promise<T>): Promise<T> {
    if (reply.sent || this.#underway.has(reply)) throw new ReplySent()
    const opened = open()
    this.#underway.set(reply, opened)
    if (this.#shutdownDeadline.isUnderway) void this.#cutIfLate(reply, opened)
    try {
      return await opened
    } finally {
      this.#underway.delete(reply)
    }
  }

  /** True if the reply was still opening at the shutdown deadline. */
  wasCut (reply: FastifyReply): boolean { return this.#cut.has(reply) }

  /** Begins the shutdown deadline. @returns A promise that resolves when every stream that is opening now has opened or is cut. */
  async close (): Promise<void> {
    this.#shutdownDeadline.begin()
    await Promise.all(Array.from(this.#underway, ([reply, opened]) => this.#cutIfLate(reply, opened)))
  }

  async #cutIfLate (reply: FastifyReply, opened: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#cut.add(reply)
        cut(reply.raw)
        resolve()
      }, this.#shutdownDeadline.left)
    })
    await Promise.race([opened.catch(() => {}), late])
    clearTimeout(timer)
  }
}
