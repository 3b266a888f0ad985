import t from 'tap'
import fc from 'fast-check'
import { Reference } from '../support/reference.ts'
import { tries } from '../support/tries.ts'

const CHANNELS = ['*', 'a', 'b', 'c']

/** The channels that the bits of a number select. */
const some = (bits: number): string[] => CHANNELS.filter((_, at) => (bits >> at & 1) === 1)

/** Half of the readers use gzip. */
const codingOf = (bits: number): 'gzip' | 'identity' => (bits & 16) === 0 ? 'identity' : 'gzip'

const step = fc.tuple(
  fc.constantFrom('publish', 'publish', 'publish', 'publish', 'burst', 'subscribe', 'resume', 'come back', 'join', 'leave', 'send', 'stall', 'drain', 'cut', 'close', 'revoke', 'turn', 'turn', 'settle'),
  fc.nat({ max: 255 }),
  fc.nat({ max: 255 })
)

async function play (reference: Reference, steps: Array<[string, number, number]>): Promise<void> {
  for (const [what, first, second] of steps) {
    const { open, gone } = reference
    const reading = open[first % Math.max(open.length, 1)]
    const channel = CHANNELS[second % CHANNELS.length]!
    switch (what) {
      case 'publish': {
        const key = second % 3 === 0 ? { key: `k${second % 2}` } : {}
        const id = second % 7 === 0 ? { id: `own ${second % 2}` } : {}
        reference.publish({ channels: some(first % 16), ephemeral: second % 5 === 0, ...key, ...id }, first % 13 === 0 ? 30_000 : 0)
        break
      }
      case 'burst': for (let i = 0; i < second % 12; i++) reference.publish({ channels: some(first % 16), ephemeral: second % 4 === 0 }, first % 5 === 0 ? 30_000 : 0); break
      case 'subscribe': reference.subscribe(some(first % 16), undefined, codingOf(first)); break
      case 'resume': {
        const entry = reference.entries[second % Math.max(reference.entries.length, 1)]
        reference.subscribe(some(first % 16), second === 0 ? 'strange' : entry?.eventId, codingOf(first))
        break
      }
      case 'come back': {
        const old = gone[first % Math.max(gone.length, 1)]
        const channels = second % 2 === 0 ? old?.subscriber.channels : some(second % 16)
        if (old !== undefined) reference.subscribe(channels!, old.lastEventId ?? undefined, codingOf(first))
        break
      }
      case 'join': if (reading !== undefined) reference.join(reading, channel); break
      case 'leave': if (reading !== undefined) reference.leave(reading, channel); break
      case 'send': if (reading !== undefined) reference.send(reading); break
      case 'stall': if (reading !== undefined) reading.writer.room = Math.min(reading.writer.room, 1 + second % 3); break
      case 'drain': reading?.writer.drain(second % 2 === 0 ? Infinity : 1 + second % 3); break
      case 'cut': if (reading !== undefined) reference.cut(reading); break
      case 'close': if (reading !== undefined) reference.close(reading, false); break
      case 'revoke': if (reading !== undefined) reference.close(reading, true); break
      case 'turn': await reference.turn(); break
      case 'settle': for (let i = 0; i < 4; i++) await reference.turn(); break
    }
  }
  await reference.finish()
}

for (const closesSlow of [false, true]) {
  t.test(`random scenarios cause no loss without a gap, no duplicate, no disorder and no false gap; slow subscribers ${closesSlow ? 'are closed' : 'get a gap'}`, async (t) => {
    await fc.assert(fc.asyncProperty(
      fc.record({ maxEvents: fc.integer({ min: 0, max: 12 }), maxBytes: fc.constantFrom(150, 400, 10_000, 1_000_000) }),
      fc.array(step, { minLength: 20, maxLength: 150, size: 'max' }),
      async (bounds, steps) => {
        const reference = new Reference(bounds, { closesSlow, minBytesToCompress: bounds.maxEvents % 2 === 0 ? 0 : 100 })
        await play(reference, steps)
        const faults = [...reference.faults(), ...reference.leftovers()]
        if (faults.length > 0) throw new Error(faults.join('\n'))
      }
    ), tries(2000))
    t.pass('in every scenario')
  })
}
