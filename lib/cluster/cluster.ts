import { randomBytes } from 'node:crypto'
import type { Order, OrderListener, Placed } from '../broker/broker.ts'
import { NO_POSITION, type Position } from '../broker/position.ts'
import { now } from '../time/clock.ts'
import { clearInterval, clearTimeout, setInterval, setTimeout } from '../time/timers.ts'
import { HERE_INTERVAL, Members } from './members.ts'
import { toMessage, toRecord, type Message } from './messages.ts'

/** The requests that a node can answer or fulfil. */
interface ClusterParts {
  /** The order in which the nodes of the broker tell each other what is needed. */
  readonly order: Order
  /** Counts the subscribers of this node. @param channel Undefined: all subscribers. */
  count (channel: string | undefined): number
  /** Ends the streams of this node that hear a channel. @returns Their number. */
  disconnect (channel: string, final: boolean): number
  /**
   * Tells if a run has readers on this node.
   *
   * @param within True also if it had one within so many milliseconds.
   */
  isRead (run: string, within: number): boolean
  /** Ends all streams of this node. Their readers reconnect, and the hooks of the application decide again. */
  disconnectAll (): void
}

/** A question that waits for the answers of other nodes. */
interface Question {
  /** The nodes that have not answered. */
  readonly missing: Set<string>
  /** The sum of the answers. */
  sum: number
  answered (): void
}

// The longest time to wait for answers. A node that is there answers within milliseconds.
const ANSWER_TIMEOUT = 1000
// The others forget a node whose good-bye they do not get.
const FAREWELL_TIMEOUT = 500
// Disconnects are repeated if the engine loses its history, because it may have lost the newest of them.
const REPEAT_FOR = 60_000
// The number of messages that the engine keeps for nodes that are cut off.
const KEPT = 1000

/** The other nodes of the broker: who is there, how many subscribers they have, and the end of their streams on request. */
export class Cluster implements OrderListener {
  readonly #parts: ClusterParts
  /** The random name of this node. */
  readonly node = randomBytes(8).toString('hex')
  readonly #members = new Members()
  readonly #questions = new Map<number, Question>()
  #lastQuestion = 0
  #recent: Array<{ readonly message: Message, readonly at: number }> = []
  #startedAt = Infinity
  #timer: NodeJS.Timeout | undefined
  #newest = NO_POSITION
  #hasBegun = false

  constructor (parts: ClusterParts) {
    this.#parts = parts
  }

  /** Follows the messages from now on. Does not wait for the engine. */
  start (): void {
    if (!this.isShared) return
    this.#startedAt = now()
    this.#parts.order.start(this, { maxEvents: 0, maxBytes: 1024 * 1024, keepFor: Infinity }).catch(() => {})
    this.#tell({ type: 'here', node: this.node, isNew: true })
    this.#timer = setInterval(() => this.#tell({ type: 'here', node: this.node, isNew: false }), HERE_INTERVAL).unref()
  }

  /**
   * Counts the subscribers of all nodes.
   *
   * @param channel Undefined: all subscribers.
   * @returns A promise of the number. It does not reject: a node that does not answer within a second is not counted.
   */
  async count (channel: string | undefined): Promise<number> {
    const others = await this.#ask((question) => ({ type: 'count', node: this.node, question, ...channel === undefined ? {} : { channel } }))
    return this.#parts.count(channel) + others.sum
  }

  /**
   * Ends the streams of all nodes that hear a channel.
   *
   * @returns A promise of the number of streams ended, as far as nodes have answered within a second.
   * @throws FST_SSE_BROKER_UNAVAILABLE when the message could not be published. The streams of this node have ended then.
   */
  async disconnect (channel: string, final: boolean): Promise<number> {
    const ended = this.#parts.disconnect(channel, final)
    if (!this.isShared) return ended
    let told: Promise<unknown> | undefined
    const others = this.#ask((question) => {
      const message: Message = { type: 'disconnect', node: this.node, question, channel, final }
      this.#recent = [...this.#recent.filter(({ at }) => at > now() - REPEAT_FOR), { message, at: now() }]
      return message
    }, (published) => { told = published })
    await told
    return ended + (await others).sum
  }

  /**
   * Asks all other nodes whether a run has readers there, or had one within so many milliseconds.
   *
   * @returns A promise of false if all of them say no. It does not reject: a node that does not answer may have readers, or one that is not known yet.
   */
  async isRead (run: string, within: number): Promise<boolean> {
    if (this.isShared && !this.#members.areKnown) return true
    const { sum, missing } = await this.#ask((question) => ({ type: 'read', node: this.node, question, run, within }))
    return sum > 0 || missing.size > 0
  }

  /** True if a node has died or left. */
  isGone (node: string): boolean {
    return this.isShared && node !== this.node && this.#members.isGone(node)
  }

  /** Takes note whether the broker is up. Called at every tick of the clock. */
  listens (isUp: boolean): void {
    this.#members.listens(isUp && this.#hasBegun)
  }

  /** Says good-bye, and follows the messages no longer. @param timeout Milliseconds. */
  async close (timeout: number): Promise<void> {
    if (this.#startedAt === Infinity) return
    clearInterval(this.#timer)
    for (const { answered } of this.#questions.values()) answered()
    this.#tell({ type: 'left', node: this.node })
    await this.#parts.order.close(Math.min(timeout, FAREWELL_TIMEOUT))
  }

  place (batch: readonly Placed[]): undefined {
    for (const { position, record } of batch) {
      this.#newest = position ?? this.#newest
      const message = toMessage(record)
      if (message === undefined) continue
      if (message.node === this.node) this.#members.cameBack()
      else this.#receive(message)
    }
  }

  lose (upTo: Position | null): void {
    // Questions and answers are ephemeral, and each question has a time limit.
    if (upTo === null) return
    this.#newest = upTo
    // Disconnects may be among what was lost.
    this.#parts.disconnectAll()
  }

  reset (origin: Position): void {
    this.#newest = origin
    if (this.#hasBegun) for (const { message, at } of this.#recent) if (at > now() - REPEAT_FOR) this.#tell(message)
    this.#hasBegun = true
  }

  get oldest (): Position {
    return { epoch: this.#newest.epoch, offset: Math.max(0, this.#newest.offset - KEPT) }
  }

  /** False if this process is the only node that there can be. */
  get isShared (): boolean { return this.#parts.order.head !== undefined }

  #receive (message: Message): void {
    const { node } = message
    if (message.type === 'left') return this.#left(node)
    this.#members.heard(node)
    switch (message.type) {
      case 'here':
        if (message.isNew) this.#tell({ type: 'here', node: this.node, isNew: false })
        break
      case 'count':
        this.#answer(message, this.#parts.count(message.channel))
        break
      case 'read':
        this.#answer(message, this.#parts.isRead(message.run, message.within) ? 1 : 0)
        break
      case 'disconnect':
        this.#answer(message, this.#parts.disconnect(message.channel, message.final))
        break
      case 'answer':
        if (message.to === this.node) this.#take(message)
    }
  }

  #left (node: string): void {
    this.#members.left(node)
    for (const question of this.#questions.values()) this.#settle(question, node)
  }

  #answer ({ node: to, question }: { readonly node: string, readonly question: number }, count: number): void {
    this.#tell({ type: 'answer', node: this.node, to, question, count })
  }

  #take ({ node, question: number, count }: Message & { type: 'answer' }): void {
    const question = this.#questions.get(number)
    if (question === undefined) return
    question.sum += count
    this.#settle(question, node)
  }

  #settle (question: Question, node: string): void {
    question.missing.delete(node)
    // A node that has just started does not know all others yet.
    if (question.missing.size === 0 && now() - this.#startedAt > ANSWER_TIMEOUT) question.answered()
  }

  /** Asks all other nodes. @returns The sum of the answers, and the nodes that have not answered in time. */
  async #ask (create: (question: number) => Message, published: (promise: Promise<unknown>) => void = () => {}): Promise<Pick<Question, 'sum' | 'missing'>> {
    if (!this.isShared) return { sum: 0, missing: new Set() }
    const number = ++this.#lastQuestion
    const asked = new Promise<Question>((resolve) => {
      const answered = (): void => {
        clearTimeout(timer)
        this.#questions.delete(number)
        resolve(question)
      }
      const timer = setTimeout(answered, ANSWER_TIMEOUT)
      const question: Question = { missing: new Set(this.#members.present), sum: 0, answered }
      this.#questions.set(number, question)
      this.#settle(question, '')
    })
    const promise = this.#parts.order.publish(toRecord(create(number)))
    promise.catch(() => this.#questions.get(number)?.answered())
    published(promise)
    return await asked
  }

  /** Sends a message to all nodes. A message that is lost is sent again later, or its question is asked again. */
  #tell (message: Message): void {
    this.#parts.order.publish(toRecord(message)).catch(() => {})
  }
}
