import type { Redis } from 'ioredis'
import { epochNumber, type Position } from '../../lib/broker/position.ts'
import {
  leastLeft, type Append, type Appended, type Arrival, type Failed, type OrderState, type Question, type Session, type Token, type TokenRecord
} from '../engine/engine.ts'
import { fieldsOf, formatId, formatToken, parseId, parseToken, type StreamEntry } from './entries.ts'
import { FollowedOrder } from './followed-order.ts'
import { APPEND, APPEND_EPHEMERAL, BEGIN, ERROR, LOOK, SCRIPTS, type Script } from './scripts.ts'

/** The keys of a broker, all in one slot of a cluster. */
export interface Keys {
  /** The stream of kept entries of an order. */
  kept (order: string): string
  ephemeral (order: string): string
  /** A stream whose entries end the wait of one session. */
  readonly wake: string
}

/** The orders that are followed. A later session goes on where an earlier one was. */
export type FollowedOrders = Map<string, FollowedOrder>

// One read takes a round trip, so it should bring many entries, but not more bytes than Redis' output buffer may hold.
const PAGE = { first: 250, least: 16, most: 2000, bytes: 1024 * 1024 }
// One call of a script blocks Redis.
const SCRIPT = { records: 500, length: 1024 * 1024 }
const BLOCK = 1000
const EPHEMERAL_BYTES = 16 * 1024 * 1024
// A session that has no use for its wake-up key any more leaves it to expire.
const WAKE_EXPIRY = 60_000

/** Two connections to Redis: one that reads, and one for everything else. */
export class RedisSession implements Session {
  readonly #reader: Redis
  readonly #writer: Redis
  readonly #keys: Keys
  readonly #followed: FollowedOrders
  readonly #active = new Map<string, FollowedOrder>()
  /** The id of the last wake-up. */
  #woken = '0-0'
  /** The number of entries of one stream that one read may bring; undefined: nothing was read yet. */
  #page: number | undefined
  #isClosed = false

  /** @param reader A connection that is open. @param writer Another one. */
  constructor (reader: Redis, writer: Redis, keys: Keys, followed: FollowedOrders) {
    this.#reader = reader
    this.#writer = writer
    this.#keys = keys
    this.#followed = followed
    // Either connection alone is of no use: the calls under way on the other one must not wait.
    for (const connection of [reader, writer]) connection.once('close', () => this.close())
  }

  /** Loads the scripts. */
  async prepare (): Promise<void> {
    await Promise.all(SCRIPTS.map(({ source }) => this.#writer.script('LOAD', source)))
  }

  async look (questions: readonly Question[]): Promise<ReadonlyArray<OrderState | undefined>> {
    const values = questions.flatMap(({ at, keepFor }) => [at === undefined ? '' : formatId(at), expiryOf(keepFor), expiryOf(leastLeft(keepFor))])
    const states = await this.#run(LOOK, this.#keysOf(questions), values) as string[][]
    return states.map(([last, first, token, mark]) => {
      if (last === undefined) return undefined
      const head = parseId(last)
      const oldest = first === undefined || first === '' ? undefined : parseId(first)
      const floor = oldest === undefined ? head.offset : oldest.epoch === head.epoch ? Math.max(0, oldest.offset - 1) : 0
      return { head, floor, token: token === undefined ? undefined : parseToken(token), mark }
    })
  }

  async begin (order: string, after: string | undefined, epoch: string, token: Token, keepFor: number): Promise<Failed | undefined> {
    const present = after === undefined ? '' : String(epochNumber(after))
    try {
      await this.#run(BEGIN, this.#keysOf([{ order }]), [present, String(epochNumber(epoch)), formatToken(token), expiryOf(keepFor)])
      return undefined
    } catch (error) {
      return await this.#failed(error)
    }
  }

  follow (name: string, after: Position, { head, mark }: OrderState): void {
    const newest = mark as string
    const order = this.#followed.get(name) ?? new FollowedOrder(name, after, newest)
    order.continueAfter(after, newest, head.epoch)
    this.#followed.set(name, order)
    this.#active.set(name, order)
  }

  unfollow (name: string): void {
    this.#active.delete(name)
  }

  async next (): Promise<readonly Arrival[]> {
    const active = [...this.#active.values()]
    const keys = this.#keysOf(active.map(({ name: order }) => ({ order })))
    const ids = active.flatMap(({ kept, ephemeral }) => [kept, ephemeral])
    const page = this.#page ?? Math.max(PAGE.least, Math.floor(PAGE.first / Math.max(1, active.length)))
    const reply = await this.#reader.call(
      'XREAD', ['COUNT', page, 'BLOCK', BLOCK, 'STREAMS', ...keys, this.#keys.wake, ...ids, this.#woken]
    ) as Array<[string, StreamEntry[]]> | null
    if (reply === null) return []
    const streams = new Map(reply)
    this.#page = pageAfter(streams)
    this.#woken = streams.get(this.#keys.wake)?.at(-1)?.[0] ?? this.#woken
    return active.flatMap((order) => {
      const kept = streams.get(this.#keys.kept(order.name)) ?? []
      const ephemeral = streams.get(this.#keys.ephemeral(order.name)) ?? []
      return kept.length + ephemeral.length === 0 ? [] : [{ order: order.name, entries: order.join(kept, ephemeral, page) }]
    })
  }

  wake (): void {
    // If it fails, the session is lost, or `next` returns a second later.
    this.#writer.pipeline().xadd(this.#keys.wake, 'MAXLEN', 1, '*', 'w', '').pexpire(this.#keys.wake, WAKE_EXPIRY).exec().catch(() => {})
  }

  async append (appends: readonly Append[]): Promise<readonly Appended[]> {
    const results = new Map<Append, Appended>()
    await Promise.all(scriptsFor(appends).map(async (some) => {
      const script = some[0]!.records[0]!.record.ephemeral ? APPEND_EPHEMERAL : APPEND
      try {
        const answers = await this.#run(script, this.#keysOf(some), some.flatMap(argumentsOf)) as string[]
        await Promise.all(some.map(async (append, at) => results.set(append, await this.#resultOf(answers[at]!))))
      } catch (error) {
        const failed = await this.#failed(error)
        for (const append of some) results.set(append, failed)
      }
    }))
    return appends.map((append) => results.get(append)!)
  }

  async #resultOf (answer: string): Promise<Appended> {
    if (answer === '') return { refused: true }
    return answer.startsWith(ERROR) ? await this.#failed(replyError(answer.slice(ERROR.length))) : { last: parseId(answer) }
  }

  /** Decides what an error of a script means. @throws the error if another session may have more luck. */
  async #failed (error: unknown): Promise<Failed> {
    const { name, message } = error as Error
    // After a failover, this server may be a replica.
    if (name !== 'ReplyError' || /^(READONLY|MASTERDOWN|LOADING)/.test(message)) throw error
    if (message.startsWith('NOSCRIPT')) await this.prepare()
    return { failed: error }
  }

  close (): void {
    if (this.#isClosed) return
    this.#isClosed = true
    // `disconnect`, because `quit` waits for the blocked read.
    this.#reader.disconnect()
    this.#writer.disconnect()
  }

  #keysOf (orders: ReadonlyArray<{ readonly order: string }>): string[] {
    return orders.flatMap(({ order }) => [this.#keys.kept(order), this.#keys.ephemeral(order)])
  }

  /** Runs a script. As one list, because there may be more arguments than a function can have. */
  #run ({ sha }: Script, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    return this.#writer.call('EVALSHA', [sha, keys.length, ...keys, ...values])
  }
}

function replyError (message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' })
}

/** Decides how many entries of each stream the next read may bring, by the number and the largest of those that this one has brought. */
function pageAfter (streams: ReadonlyMap<string, readonly StreamEntry[]>): number {
  let largest = 1
  for (const entries of streams.values()) for (const [, fields] of entries) largest = Math.max(largest, fields.at(-1)!.length)
  return Math.max(PAGE.least, Math.min(PAGE.most, Math.floor(PAGE.bytes / largest / streams.size)))
}

/** Splits appends into calls of scripts: each is for kept or for ephemeral records, has each order once, and is not too large. */
function scriptsFor (appends: readonly Append[]): Append[][] {
  const scripts: Append[][] = []
  let last: Append[] = []
  const orders = new Set<string>()
  let records = 0
  let length = 0
  for (const append of appends) {
    const added = append.records.reduce((sum, { record }) => sum + record.body.length, 0)
    const isOther = last[0]?.records[0]!.record.ephemeral !== append.records[0]!.record.ephemeral
    if (isOther || orders.has(append.order) || records + append.records.length > SCRIPT.records || length + added > SCRIPT.length) {
      scripts.push(last = [])
      orders.clear()
      records = length = 0
    }
    last.push(append)
    orders.add(append.order)
    records += append.records.length
    length += added
  }
  return scripts
}

/** The argument of a script for `keepFor`. */
function expiryOf (keepFor: number): string {
  return String(keepFor === Infinity ? 0 : keepFor)
}

function argumentsOf ({ epoch, forgetBefore, keepFor, records }: Append): string[] {
  const number = String(epochNumber(epoch))
  const bound = records[0]!.record.ephemeral ? ephemeralBound(records) : forgetBefore
  return [number, String(bound), expiryOf(keepFor), String(records.length), ...records.flatMap((record) => fieldsOf(record, number))]
}

/** The number of ephemeral entries that Redis keeps for nodes that are behind. Redis bounds entries, not bytes. */
function ephemeralBound (records: readonly TokenRecord[]): number {
  const largest = Math.max(1, ...records.map(({ record }) => record.body.length))
  return Math.max(100, Math.min(10_000, Math.floor(EPHEMERAL_BYTES / largest)))
}
