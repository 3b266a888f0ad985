import t, { type Test } from 'tap'
import { openFetch } from '../../../client/transport/fetch-transport.ts'
import { PARSER_CASES, RETRY_FORMS, type Heard } from '../../browsers/streams/parser-cases.ts'

// The parser cases of the browser tests, read without a browser and cut at more places.

// The longest stream, in bytes, that is cut at every pair of places.
const SHORT = 60

interface Read { readonly heard: Heard[], readonly retries: number[] }

/** Reads a stream that arrives in these chunks through the transport. */
async function read (pieces: readonly Uint8Array[]): Promise<Read> {
  const heard: Heard[] = []
  const retries: number[] = []
  const left = [...pieces]
  globalThis.fetch = async () => new Response(new ReadableStream({
    pull (controller) {
      const piece = left.shift()
      if (piece === undefined) controller.close()
      else controller.enqueue(piece)
    }
  }), { headers: { 'content-type': 'text/event-stream' } })
  return await new Promise((resolve, reject) => {
    const options = { given: '', headers: {}, withCredentials: false, method: 'GET', body: null, answer: {}, signal: new AbortController().signal }
    openFetch({ url: 'http://localhost/', resumeQuery: '', lastEventId: '', types: [] }, options, {
      opened () {},
      retrying () {},
      comment () {},
      sign () {},
      retry: (time) => retries.push(time),
      event: ({ type, data, lastEventId }) => heard.push([type, data, lastEventId]),
      lost: () => resolve({ heard, retries }),
      error: reject
    })
  })
}

function keepFetch (t: Test): void {
  const { fetch } = globalThis
  t.teardown(() => { globalThis.fetch = fetch })
}

const cut = (wire: Uint8Array, ...places: number[]): Uint8Array[] => [0, ...places].map((start, index) => wire.subarray(start, places[index]))

function * cutsOf (wire: Uint8Array): Generator<Uint8Array[]> {
  yield [wire]
  if (wire.length > 2000) return yield cut(wire, ...Array.from({ length: 100 }, (_, index) => Math.floor(wire.length * index / 100)))
  yield Array.from(wire, (byte) => Uint8Array.of(byte))
  for (let first = 1; first < wire.length; first++) {
    yield cut(wire, first)
    if (wire.length > SHORT) continue
    for (let second = first + 1; second < wire.length; second++) yield cut(wire, first, second)
  }
}

for (const { claim, wire, events } of PARSER_CASES) {
  t.test(`${claim}, at any cut of the stream`, async (t) => {
    keepFetch(t)
    const expected = JSON.stringify(events)
    let cuts = 0
    for (const pieces of cutsOf(wire)) {
      cuts++
      const { heard } = await read(pieces)
      if (JSON.stringify(heard) !== expected) return t.fail('the events differ', { cuts: pieces.map(({ length }) => length).join('+'), heard: heard.slice(0, 10) })
    }
    t.pass(`cut in ${cuts} ways`)
  })
}

for (const [line, isTaken] of RETRY_FORMS) {
  t.test(`${JSON.stringify(line)} ${isTaken ? 'sets' : 'does not set'} the reconnection time`, async (t) => {
    keepFetch(t)
    t.equal((await read([Buffer.from(`retry: 10\n${line}\n`)])).retries.at(-1), isTaken ? 90_000 : 10)
  })
}
