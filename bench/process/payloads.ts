import type { Payload } from '../contract.ts'

/** Returns the time of the machine's monotonic clock, in milliseconds with three decimals. */
export function now (): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}

const FRAME = '{"n":,"t":,"x":""}'.length
const FILL_LENGTH = 2 ** 17
// Spreads the starts of payloads: no two events within one gzip window start near each other.
const GOLDEN = (Math.sqrt(5) - 1) / 2
const GOODS = ['Desk lamp', 'Oak shelf', 'Rain jacket', 'Hiking boots', 'Bread knife', 'Wool blanket', 'Bicycle pump', 'Coffee beans']
const STATES = ['placed', 'paid', 'packed', 'shipped', 'delivered', 'returned']
const PLACES = ['Rotterdam', 'Leipzig', 'Lyon', 'Gdansk', 'Turin']

// Records like a shop's events: a uniform text would make compression look better than it is.
const FILL = fill()

function fill (): string {
  let seed = 1
  const random = (below: number): number => {
    seed = seed * 48271 % 2147483647
    return seed % below
  }
  const one = (words: readonly string[]): string => words[random(words.length)]!
  let text = ''
  for (let at = 1.7e12; text.length < FILL_LENGTH; at += random(60_000)) {
    text += `{id: ${random(1e6)}, name: ${one(GOODS)}, quantity: ${1 + random(9)}, unitPrice: ${(random(20_000) / 100).toFixed(2)}, currency: EUR, ` +
      `status: ${one(STATES)}, warehouse: ${one(PLACES)}, updatedAt: ${new Date(at).toISOString()}}, `
  }
  return text.slice(0, FILL_LENGTH)
}

/** Makes the payloads, with consecutive numbers for each channel. */
export class Payloads {
  readonly #numbers = new Map<string | undefined, number>()

  /** Makes the next payload of a channel. Its JSON text has the given number of bytes, or the minimum if that is larger. */
  next (channel: string | undefined, bytes: number): Payload {
    const n = (this.#numbers.get(channel) ?? 0) + 1
    this.#numbers.set(channel, n)
    const t = now()
    const length = Math.max(0, bytes - FRAME - String(n).length - String(t).length)
    const from = Math.floor(n * GOLDEN % 1 * (FILL_LENGTH - length))
    return { n, t, x: FILL.slice(from, from + length) }
  }
}
