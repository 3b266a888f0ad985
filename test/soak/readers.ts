import { get, type ClientRequest } from 'node:http'
import { createParser } from 'eventsource-parser'
import { EVERYBODY } from '../../plugin.ts'
import { NumberedReader, randomFrom } from '../flows/numbered-reader.ts'
import { FILLS, type Heard, type Numbers } from './told.ts'

// The readers of a soak, in a separate process: some are steady, others stop within an event, stall, and resume.

export type AskedOfReaders = 'heard' | 'settle' | { readonly finish: Numbers }
export type ToldByReaders = { readonly what: 'heard' | 'settled' | 'finished', readonly heard: Heard }

const [port, seed] = process.argv.slice(2).map(Number) as [number, number]
const random = randomFrom(seed)
const between = (least: number, most: number): number => least + Math.floor(random() * (most - least))

const LOOK_INTERVAL = 10
const LAST_LIMIT = 30_000
const EACH = 6

type Kind = 'steady' | 'half-read' | 'stalling'

interface Playing {
  readonly reader: NumberedReader
  readonly kind: Kind
  readonly channel: string
  /** The time of its next action. */
  at: number
  isPaused: boolean
}

let isSettling = false

function play (kind: Kind, channel: string): Playing {
  return { reader: new NumberedReader(port, FILLS[channel]!), kind, channel, at: 0, isPaused: false }
}

const players = Object.keys(FILLS).flatMap((channel) => Array.from({ length: EACH }, () => [play('steady', channel), play('half-read', channel)]).flat())
players.push(...Array.from({ length: EACH }, () => play('stalling', 'flood')))

function connect (one: Playing): void {
  const { reader, kind, channel } = one
  const id = reader.lastEventId
  const inQuery = random() < 0.5
  const query = new URLSearchParams({ ...channel === EVERYBODY ? {} : { room: channel }, ...inQuery && id !== undefined ? { lastEventId: id } : {} })
  one.isPaused = kind === 'stalling' && !isSettling
  one.at = performance.now() + between(2000, 20_000)
  reader.connect({
    path: `/events?${query}`,
    by: inQuery ? undefined : 'header',
    paused: one.isPaused,
    // Mostly within an event.
    cutAfter: kind === 'half-read' && !isSettling ? between(1, 200_000) : undefined
  })
}

function look (): void {
  for (const one of players) {
    const { reader } = one
    if (reader.connections === 0) {
      connect(one)
      continue
    }
    if (one.isPaused && (isSettling || performance.now() > one.at)) {
      one.isPaused = false
      reader.resume()
    } else if (!one.isPaused && one.kind === 'stalling' && !isSettling && performance.now() > one.at + 1000) {
      // After reading for a while it stalls again.
      reader.cut()
    }
    if (reader.complete) reader.cut()
    if (reader.closed) connect(one)
  }
}

/** Checks that ephemeral events, and events that replace others, arrive in order and at most once. */
class AsidesReader {
  events = 0
  connections = 0
  readonly faults: string[] = []
  readonly #newest = new Map<string, number>()
  #lastEventId: string | undefined
  #request: ClientRequest | undefined

  connect (): void {
    this.connections++
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        this.#lastEventId = id ?? this.#lastEventId
        if (event === 'typing' || event === 'cursor') this.#hear(event, JSON.parse(data) as { key?: string, n: number })
      }
    })
    const headers = this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId }
    const request = this.#request = get({ port, host: '127.0.0.1', path: '/events?room=asides', headers, agent: false })
    request.on('response', (response) => response.setEncoding('utf8').on('data', (piece: string) => parser.feed(piece)).on('error', () => {}))
    request.on('error', () => {})
    request.once('close', () => { if (this.#request === request && !isOver) this.connect() })
    setTimeout(() => request.destroy(), between(100, 10_000)).unref()
  }

  close (): void { this.#request?.destroy() }

  #hear (event: string, { key = '', n }: { key?: string, n: number }): void {
    this.events++
    const name = event + key
    if (n <= (this.#newest.get(name) ?? 0)) this.faults.push(`${name} ${n} comes after ${this.#newest.get(name)}`)
    this.#newest.set(name, n)
  }
}

let isOver = false
const asides = Array.from({ length: EACH }, () => new AsidesReader())
for (const one of asides) one.connect()
const looking = setInterval(look, LOOK_INTERVAL)

const missing: string[] = []

function heard (): Heard {
  const faults = [...missing, ...[...players.map(({ reader }) => reader), ...asides].flatMap(({ faults }) => faults)]
  const sum = (numbers: number[]): number => numbers.reduce((sum, one) => sum + one, 0)
  return {
    connections: sum([...players.map(({ reader }) => reader.connections), ...asides.map(({ connections }) => connections)]),
    events: sum([...players.map(({ reader }) => reader.count), ...asides.map(({ events }) => events)]),
    gaps: sum(players.map(({ reader }) => reader.gaps.length)),
    faults: faults.length,
    examples: faults.slice(0, 5)
  }
}

async function waitFor (holds: (one: Playing) => boolean): Promise<Playing[]> {
  const limit = performance.now() + LAST_LIMIT
  while (players.some((one) => !holds(one)) && performance.now() < limit) await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL))
  return players.filter((one) => !holds(one))
}

/** Makes all readers read on and stay. */
async function settle (): Promise<void> {
  isSettling = true
  for (const { kind, reader } of players) if (kind === 'half-read') reader.cut()
  await waitFor(({ reader, isPaused }) => !isPaused && !reader.closed && reader.opens >= 1 && reader.head !== '')
  tell('settled')
}

async function finish (numbers: Numbers): Promise<void> {
  const behind = await waitFor(({ reader, channel }) => reader.last === numbers[channel])
  for (const { reader, channel, kind } of behind) missing.push(`a ${kind} reader of ${channel} has got ${reader.last} of ${numbers[channel]}`)
  isOver = true
  clearInterval(looking)
  for (const { reader } of players) reader.cut()
  for (const one of asides) one.close()
  tell('finished')
}

process.on('message', (asked: AskedOfReaders) => {
  if (asked === 'heard') tell('heard')
  else if (asked === 'settle') void settle()
  else void finish(asked.finish)
})
process.on('disconnect', () => process.exit())

function tell (what: ToldByReaders['what']): void { process.send!({ what, heard: heard() } satisfies ToldByReaders) }
