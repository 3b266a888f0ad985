import type { Redis } from 'ioredis'
import { epochNumber, type Position } from '../../lib/broker/position.ts'
import type { Append, Appended, Arrival, OrderState, Session, Token, TokenRecord } from '../engine/engine.ts'
import { fieldsOf, formatId, formatToken, parseId, parseToken, type StreamEntry } from './entries.ts'
import { FollowedOrder } from './followed-order.ts'
import { APPEND, APPEND_EPHEMERAL, BEGIN, LOOK, SCRIPTS, type Script } from './scripts.ts'

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
  #active: FollowedOrder[] = []
  /** The id of the last wake-up. */
  #woken = '0-0'
  /** The number of entries of one stream that one read may bring. */
  #page = PAGE.first
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

  async look (questions: ReadonlyArray<{ readonly order: string, readonly at: Position | undefined }>): Promise<ReadonlyArray<OrderState | undefined>> {
    const keys = questions.flatMap(({ order }) => [this.#keys.kept(order), this.#keys.ephemeral(order)])
    const states = await this.#run(LOOK, keys, questions.map(({ at }) => at === undefined ? '' : formatId(at))) as string[][]
    return states.map(([last, first, token, newestEphemeral], at) => {
      if (last === undefined) return undefined
      const head = parseId(last)
      this.#followed.get(questions[at]!.order)?.compareEphemeral(newestEphemeral!, head.epoch)
      const oldest = first === undefined || first === '' ? undefined : parseId(first)
      const floor = oldest === undefined ? head.offset : oldest.epoch === head.epoch ? Math.max(0, oldest.offset - 1) : 0
      return { head, floor, token: token === undefined ? undefined : parseToken(token) }
    })
  }

  async begin (order: string, after: string | undefined, epoch: string, token: Token): Promise<void> {
    const present = after === undefined ? '' : epochNumber(after)
    await this.#run(BEGIN, [this.#keys.kept(order), this.#keys.ephemeral(order)], [String(present), String(epochNumber(epoch)), formatToken(token)])
  }

  follow (name: string, after: Position): void {
    const order = this.#followed.get(name) ?? new FollowedOrder(name, after)
    order.continueAfter(after)
    this.#followed.set(name, order)
    if (!this.#active.includes(order)) this.#active.push(order)
  }

  unfollow (name: string): void {
    this.#followed.delete(name)
    this.#active = this.#active.filter((order) => order.name !== name)
  }

  async next (): Promise<readonly Arrival[]> {
    const active = this.#active
    await Promise.all(active.filter(({ ephemeral }) => ephemeral === undefined).map((order) => this.#skipEphemeral(order)))
    const keys = active.flatMap(({ name }) => [this.#keys.kept(name), this.#keys.ephemeral(name)])
    const ids = active.flatMap(({ kept, ephemeral }) => [kept, ephemeral!])
    const page = this.#page
    const reply = await this.#reader.call(
      'XREAD', 'COUNT', page, 'BLOCK', BLOCK, 'STREAMS', ...keys, this.#keys.wake, ...ids, this.#woken
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
      const { ephemeral } = some[0]!.records[0]!.record
      const keys = some.flatMap(({ order }) => ephemeral ? [this.#keys.kept(order), this.#keys.ephemeral(order)] : [this.#keys.kept(order)])
      try {
        const ids = await this.#run(ephemeral ? APPEND_EPHEMERAL : APPEND, keys, some.flatMap(argumentsOf)) as string[]
        some.forEach((append, at) => results.set(append, ids[at] === '' ? { refused: true } : { last: parseId(ids[at]!) }))
      } catch (error) {
        if ((error as Error).name !== 'ReplyError') throw error
        if ((error as Error).message.startsWith('NOSCRIPT')) await this.prepare()
        for (const append of some) results.set(append, { failed: error })
      }
    }))
    return appends.map((append) => results.get(append)!)
  }

  close (): void {
    if (this.#isClosed) return
    this.#isClosed = true
    // `disconnect`, because `quit` waits for the blocked read.
    this.#reader.disconnect()
    this.#writer.disconnect()
  }

  /** Begins to follow the ephemeral entries of an order from the newest one. */
  async #skipEphemeral (order: FollowedOrder): Promise<void> {
    const [newest] = await this.#writer.xrevrange(this.#keys.ephemeral(order.name), '+', '-', 'COUNT', 1)
    order.ephemeral = newest?.[0] ?? '0-0'
  }

  #run ({ sha }: Script, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    return this.#writer.evalsha(sha, keys.length, ...keys, ...values)
  }
}

/** Decides how many entries the next read may bring, by the size of the largest that this one has brought. */
function pageAfter (streams: ReadonlyMap<string, readonly StreamEntry[]>): number {
  let largest = 1
  for (const entries of streams.values()) for (const [, fields] of entries) largest = Math.max(largest, fields.at(-1)!.length)
  return Math.max(PAGE.least, Math.min(PAGE.most, Math.floor(PAGE.bytes / largest)))
}

/** Splits appends into calls of scripts: each is for kept or for ephemeral records, and has each order once. */
function scriptsFor (appends: readonly Append[]): Append[][] {
  const scripts: Append[][] = []
  let last: Append[] = []
  for (const append of appends) {
    const isOther = last[0]?.records[0]!.record.ephemeral !== append.records[0]!.record.ephemeral
    if (isOther || last.some(({ order }) => order === append.order)) scripts.push(last = [])
    last.push(append)
  }
  return scripts
}

function argumentsOf ({ epoch, forgetBefore, keepFor, records }: Append): string[] {
  const number = String(epochNumber(epoch))
  const bound = records[0]!.record.ephemeral ? ephemeralBound(records) : forgetBefore
  const expiry = keepFor === Infinity ? 0 : keepFor
  return [number, String(bound), String(expiry), String(records.length), ...records.flatMap((record) => fieldsOf(record, number))]
}

/** The number of ephemeral entries that Redis keeps for nodes that are behind. Redis bounds entries, not bytes. */
function ephemeralBound (records: readonly TokenRecord[]): number {
  const largest = Math.max(1, ...records.map(({ record }) => record.body.length))
  return Math.max(100, Math.min(10_000, Math.floor(EPHEMERAL_BYTES / largest)))
}
