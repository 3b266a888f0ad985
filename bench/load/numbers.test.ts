import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Body } from './body.ts'
import { Chunks } from './chunks.ts'
import { Numbers } from './numbers.ts'

const BYTES = 150
const EVENTS = 300
const TIMES = ['1234567.891', '1234567.8', '1234568']

function payload (n: number): string {
  const start = `{"n":${n},"t":${TIMES[n % TIMES.length]!},"x":"`
  // Full of near misses of the marker.
  return `${start}${'n\\":"n" '.repeat(BYTES).slice(0, BYTES - start.length - 2)}"}`
}

/** Texts that libraries wrap around a payload. */
const FRAMINGS: Record<string, (n: number) => string> = {
  data: (n) => `data: ${payload(n)}\n\n`,
  'data without a blank': (n) => `data:${payload(n)}\n\n`,
  'id, then data': (n) => `id: m1x8:${n}\ndata: ${payload(n)}\n\n`,
  'event, data, id, with carriage returns': (n) => `event: "n"\r\ndata: ${payload(n)}\r\nid: ${n}\r\n\r\n`,
  'data within an object': (n) => `data: {"channel":"everybody","payload":${payload(n)}}\n\n`,
  'comments between': (n) => `:\n: "n"n "n" :\n\ndata: ${payload(n)}\n\n`
}

/** Makes a generator of pseudo-random integers below a bound. A seed gives equal numbers in every run. */
function generator (seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = state * 48271 % 2147483647
    return state % below
  }
}

function chunked (text: string, random: (below: number) => number): string {
  let framed = ''
  for (let at = 0; at < text.length;) {
    const piece = text.slice(at, at += 1 + random(random(2) === 0 ? 5 : 400))
    const size = piece.length.toString(16)
    framed += `${random(2) === 0 ? size : size.toUpperCase()}${random(4) === 0 ? ';ext=1' : ''}\r\n${piece}\r\n`
  }
  return `${framed}0\r\n\r\n`
}

/** Feeds texts in pieces of random length, to several readers in random order. */
function feed (texts: readonly string[], random: (below: number) => number, longest: number, read: Body['read']): void {
  const buffers = texts.map((text) => Buffer.from(text, 'latin1'))
  const at = texts.map(() => 0)
  while (at.some((position, reader) => position < buffers[reader]!.length)) {
    const reader = random(texts.length)
    const end = Math.min(buffers[reader]!.length, at[reader]! + 1 + random(longest))
    read(reader, buffers[reader]!, at[reader]!, end)
    at[reader] = end
  }
}

const numbersFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, index) => first + index)

for (const [name, framing] of Object.entries(FRAMINGS)) {
  for (const isChunked of [false, true]) {
    for (const readsTimes of [false, true]) {
      test(`every event is counted once: ${name}${isChunked ? ', chunked' : ''}${readsTimes ? ', with times' : ''}`, () => {
        for (let seed = 1; seed <= 12; seed++) {
          const random = generator(seed)
          const times: number[] = []
          const numbers = new Numbers(3, BYTES, (time) => times.push(time))
          numbers.readsTimes = readsTimes
          const body = isChunked ? new Chunks(3, numbers) : numbers
          const text = numbersFrom(1, EVENTS).map(framing).join('')
          const texts = [text, text, text].map((plain) => isChunked ? chunked(plain, random) : plain)
          feed(texts, random, [1, 7, 60, 5000][seed % 4]!, (...read) => body.read(...read))
          assert.deepEqual([numbers.delivered, numbers.lost, numbers.doubles], [3 * EVENTS, 0, 0], `seed ${seed}`)
          assert.deepEqual([0, 1, 2].map((reader) => numbers.reached(reader)), [EVENTS, EVENTS, EVENTS])
          if (!readsTimes) continue
          assert.equal(times.length, 3 * EVENTS)
          for (const time of times) assert.ok(TIMES.some((known) => Math.abs(Number(known) - time) < 1e-3), `${time}`)
        }
      })
    }
  }
}

test('skipped numbers count as lost, repeated numbers as doubles', () => {
  const numbers = new Numbers(1, BYTES, () => {})
  const text = [1, 2, 5, 5, 4, 6, 10].map((n) => `data: ${payload(n)}\n\n`).join('')
  feed([text], generator(7), 40, (...read) => numbers.read(...read))
  assert.deepEqual([numbers.delivered, numbers.lost, numbers.doubles], [7, 5, 2])
})

test('begin restarts the counts, and readers keep their positions', () => {
  const numbers = new Numbers(1, BYTES, () => {})
  const read = (...ns: number[]): void => feed([ns.map((n) => `data: ${payload(n)}\n\n`).join('')], generator(3), 40, (...piece) => numbers.read(...piece))
  read(1, 2, 3)
  numbers.begin()
  read(4, 6)
  assert.deepEqual([numbers.delivered, numbers.lost, numbers.doubles], [2, 1, 0])
})
