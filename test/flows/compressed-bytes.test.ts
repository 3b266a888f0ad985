import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { defineEvents, type SsePluginOptions } from '../../plugin.ts'
import { advance } from '../../testing/index.ts'
import { CodedReader, type Ask } from './coded-reader.ts'
import { start, type Journey } from './journey.ts'
import { randomFrom } from './numbered-reader.ts'
import { turn } from './raw-reader.ts'

type Options = Omit<SsePluginOptions, 'prefix'>

// Options that leave nothing to chance: both readers get identical events.
const OPTIONS: Options = { compress: { minBytes: 100 }, reconnectionTime: 1000, heartbeatInterval: false, shutdownTimeout: 5000 }

const KIB = 1024

/** Payloads that are stored, compressed, hardly compressible, larger than a deflate block, and larger than a batch. */
const PAYLOADS = ['short', 'the same again, '.repeat(60), randomBytes(600).toString('base64'), '\u{1f600}'.repeat(20 * KIB), 'x'.repeat(99), 'x'.repeat(64 * KIB)]

function broadcastAll (app: FastifyInstance, channels?: string[]): void {
  for (const payload of PAYLOADS) void app.sse.broadcast('message', payload, channels === undefined ? {} : { channels })
}

/** A reader of the gzip stream, and a reader of the uncompressed one. */
interface Both extends Journey {
  readonly coded: CodedReader
  readonly plain: CodedReader
}

async function openBoth (t: Test, journey: Journey, ask: Ask = {}): Promise<Both> {
  const coded = await CodedReader.open(t, journey.port, { ...ask, accepts: 'gzip' })
  const plain = await CodedReader.open(t, journey.port, ask)
  t.strictSame([coded.coding, plain.coding], ['gzip', undefined])
  return { ...journey, coded, plain }
}

/** Checks that both streams end cleanly with identical events. @param events The minimum number of events. */
async function checkEnds (t: Test, { coded, plain }: Both, events: number): Promise<void> {
  await coded.seesWhole()
  await plain.seesWhole()
  t.ok(isDeepStrictEqual(coded.events, plain.events), `${coded.events.length} events, and ${plain.events.length}`)
  t.ok(coded.events.length >= events, `${coded.events.length} events, of at least ${events}`)
}

const closeAll = ({ opened }: Journey): void => { for (const subscriber of opened) subscriber.close() }
const both = ({ coded, plain }: Both, holds: (reader: CodedReader) => boolean): Promise<unknown> => Promise.all([coded.sees(holds), plain.sees(holds)])

interface Scenario {
  readonly options?: Options
  readonly ask?: Ask
  /** The minimum number of events of each reader, including `sse.open`. */
  readonly events: number
  readonly play: (both: Both) => unknown
}

const scenarios: Record<string, Scenario> = {
  'nothing but `sse.open`': { events: 1, play: closeAll },
  broadcasts: {
    events: 13,
    play: async (both) => {
      broadcastAll(both.app)
      await turn()
      broadcastAll(both.app)
      closeAll(both)
    }
  },
  'sends between broadcasts': {
    events: 19,
    play: (both) => {
      broadcastAll(both.app)
      for (const payload of PAYLOADS) for (const subscriber of both.opened) void subscriber.send('message', payload)
      broadcastAll(both.app)
      closeAll(both)
    }
  },
  'sources of many small and of some large items': {
    events: 508,
    play: async (both) => {
      const source = async function * (): AsyncGenerator<string> {
        for (let n = 0; n < 500; n++) yield `token ${n}`
        yield * PAYLOADS
      }
      await Promise.all(both.opened.map((subscriber) => subscriber.stream('message', source)))
    }
  },
  heartbeats: {
    options: { heartbeatInterval: 20, heartbeatEvent: false },
    events: 19,
    play: async (journey) => {
      for (let n = 1; n <= 3; n++) {
        await both(journey, ({ text }) => text.split('\n:\n').length > n)
        broadcastAll(journey.app)
      }
      closeAll(journey)
    }
  },
  'changes of the reconnection time': {
    events: 13,
    play: (both) => {
      both.app.sse.setReconnectionTime(2000)
      broadcastAll(both.app)
      both.app.sse.setReconnectionTime(3000)
      broadcastAll(both.app)
      both.app.sse.setReconnectionTime(4000)
      closeAll(both)
    }
  },
  'channels that are joined and left, with and without lag': {
    events: 25,
    play: async (both) => {
      for (const joins of [true, false, true]) {
        broadcastAll(both.app)
        for (const subscriber of both.opened) {
          if (joins) subscriber.join('one')
          else subscriber.leave('one')
        }
        broadcastAll(both.app, ['one'])
        broadcastAll(both.app, ['one', '*'])
        if (joins) await turn()
      }
      closeAll(both)
    }
  },
  'ephemeral events, and events that replace others': {
    options: {
      events: defineEvents({
        message: { schema: Type.String(), latestBy: (text) => text.slice(0, 1) },
        fleeting: { schema: Type.String(), ephemeral: true }
      })
    },
    events: 10,
    play: async (both) => {
      for (let n = 0; n < 5; n++) {
        broadcastAll(both.app)
        void both.app.sse.broadcast('fleeting', PAYLOADS[1]!)
        if (n % 2 === 0) await turn()
      }
      closeAll(both)
    }
  },
  'a closing application': {
    events: 7,
    play: async (both) => {
      broadcastAll(both.app)
      await both.app.close()
    }
  },
  'a revocation by `disconnect`': {
    events: 7,
    play: async (journey) => {
      broadcastAll(journey.app)
      await both(journey, ({ events }) => events.length === 7)
      broadcastAll(journey.app)
      await journey.app.sse.disconnect(() => true)
    }
  },
  'a final `disconnect`': {
    events: 8,
    play: async (journey) => {
      broadcastAll(journey.app)
      await both(journey, ({ events }) => events.length === 7)
      await journey.app.sse.disconnect(() => true, { final: true })
    }
  },
  'the end of `maxLifetime`': {
    options: { maxLifetime: 60_000 },
    events: 7,
    play: async (journey) => {
      broadcastAll(journey.app)
      await both(journey, ({ events }) => events.length === 7)
      await advance(journey.app, 60_000)
    }
  },
  'a gap after an unknown last event ID': {
    ask: { lastEventId: 'of somebody else' },
    events: 19,
    play: (both) => {
      broadcastAll(both.app)
      closeAll(both)
    }
  }
}

t.test('a gzip stream is complete, ends with a valid checksum, and equals an uncompressed stream, with', async (t) => {
  for (const [title, { options, ask, events, play }] of Object.entries(scenarios)) {
    t.test(title, async (t) => {
      const journey = await start(t, { ...OPTIONS, ...options })
      if (ask !== undefined) {
        broadcastAll(journey.app)
        broadcastAll(journey.app)
        await turn()
      }
      const both = await openBoth(t, journey, ask)
      await play(both)
      await checkEnds(t, both, events)
      if (ask !== undefined) t.equal(both.coded.heard('sse.gap').length, 1)
      t.strictSame(journey.errors, [])
    })
  }

  t.test('a replay of all kept events and a gap for evicted ones', async (t) => {
    const journey = await start(t, { ...OPTIONS, history: { maxEvents: 60 } })
    const ids: Array<string | null> = []
    for (let n = 0; n < 100; n++) ids.push((await journey.app.sse.broadcast('message', PAYLOADS[n % PAYLOADS.length]!)).id)
    await turn()
    for (const [at, gaps] of [[10, 1], [50, 0], [97, 0], [99, 0]] as const) {
      const both = await openBoth(t, journey, { lastEventId: ids[at]! })
      void journey.app.sse.broadcast('message', 'live')
      closeAll(journey)
      await checkEnds(t, both, 2)
      t.equal(both.coded.heard('sse.gap').length, gaps)
      t.equal(both.coded.heard().length, Math.min(60, 99 - at) + [10, 50, 97, 99].indexOf(at) + 1)
    }
  })
})

t.test('every broadcast and every `send`, of any size, can be decoded on arrival', async (t) => {
  const journey = await start(t, OPTIONS)
  const { coded, plain, opened, app } = await openBoth(t, journey)
  let heard = 1
  for (const [n, payload] of [...PAYLOADS, ...PAYLOADS].entries()) {
    if (n % 3 < 2) await app.sse.broadcast('message', payload)
    else for (const subscriber of opened) await subscriber.send('message', payload)
    heard++
    for (const reader of [coded, plain]) t.equal((await reader.sees(({ events }) => events.length === heard)).heard().at(-1) === payload, true)
  }
})

t.test('readers that resume at different events, and pause for a while, get every event and a valid checksum each', async (t) => {
  const random = randomFrom(5)
  const journey = await start(t, { ...OPTIONS, maxBacklogBytes: 64 * KIB })
  const { app, opened } = journey
  const ids: string[] = []
  const readers: Array<{ reader: CodedReader, from: number }> = []
  for (let step = 0; step < 45; step++) {
    for (let n = Math.floor(random() * 6); n > 0; n--) ids.push((await app.sse.broadcast('message', `${ids.length} ${PAYLOADS[Math.floor(random() * PAYLOADS.length)]}`)).id!)
    if (random() < 0.3) await turn()
    if (ids.length > 0 && random() < 0.7) {
      const from = Math.floor(random() * ids.length)
      const accepts = random() < 0.8 ? 'gzip' : 'identity'
      readers.push({ from: from + 1, reader: await CodedReader.open(t, journey.port, { lastEventId: ids[from]!, accepts }) })
    }
    for (const { reader } of readers) if (random() < 0.2) reader.body[reader.body.isPaused() ? 'resume' : 'pause']()
    if (random() < 0.1) for (const subscriber of opened) void subscriber.send('message', 'send')
  }
  t.ok(readers.length > 20)
  for (const subscriber of opened) subscriber.close()
  for (const { reader, from } of readers) {
    reader.body.resume()
    await reader.seesWhole()
    const numbers = reader.heard().filter((data) => data !== 'send').map((data) => parseInt(data))
    t.ok(numbers.every((number, at) => number === from + at) && numbers.at(-1) === ids.length - 1, `from ${from} to ${numbers.at(-1)}`)
  }
})
