import { EventEmitter } from 'node:events'
import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import t from 'tap'
import { textChunk } from '../../lib/wire/http-chunk.ts'
import { UnframedWriter } from '../../lib/response/unframed-writer.ts'
import { GzipWriter } from '../../lib/response/gzip-writer.ts'
import { NOWHERE, type ResponseWriter } from '../../lib/response/response-writer.ts'
import { SocketWriter } from '../../lib/response/socket-writer.ts'

interface Waiting {
  bytes: number
  /** Node emits `drain` only if this is true. */
  needsDrain?: boolean
  /** The reader has ended its half of the connection. */
  isOver?: boolean
  readonly onWrite?: () => void
  /** Callbacks of writes, which the test calls when a write has left. */
  readonly written?: Array<(error?: Error) => void>
}

/** A fake socket and response, whose waiting bytes the test sets. */
function fake (waiting: Waiting): { readonly socket: Socket, readonly response: ServerResponse } {
  const stream = {
    writable: { get: () => waiting.isOver !== true },
    writableLength: { get: () => waiting.bytes },
    destroyed: { value: false },
    writableEnded: { get: () => waiting.isOver === true },
    writableNeedDrain: { get: () => waiting.needsDrain === true },
    write: {
      value: (_bytes: unknown, written?: () => void) => {
        waiting.onWrite?.()
        if (written !== undefined) waiting.written?.push(written)
        return true
      }
    }
  }
  const socket = Object.defineProperties(new EventEmitter(), stream) as unknown as Socket
  return { socket, response: Object.create(ServerResponse.prototype, { ...stream, socket: { value: socket } }) as ServerResponse }
}

const MAX_BACKLOG = 10_000

t.test('a gzip writer cuts the stream alone, or with its connection', async (t) => {
  const cuts: string[] = []
  const writer = new GzipWriter({ ...NOWHERE, destroy: () => cuts.push('stream'), destroyConnection: () => cuts.push('connection') })
  writer.destroy()
  writer.destroyConnection()
  t.strictSame(cuts, ['stream', 'connection'])
})

const writers: Array<[title: string, create: (of: ReturnType<typeof fake>) => ResponseWriter]> = [
  ['the socket writer', ({ socket, response }) => new SocketWriter(response, socket, MAX_BACKLOG)],
  ['the plain writer', ({ response }) => new UnframedWriter(response, MAX_BACKLOG)]
]

for (const [title, create] of writers) {
  const event = textChunk('data: x\n\n')

  t.test(`${title} returns false once the waiting bytes reach the limit, which counts the overhead of each write`, async (t) => {
    const waiting = { bytes: 9 }
    const writer = create(fake(waiting))
    let writes = 0
    while (writer.write(event)) writes++
    t.ok(writes >= 15 && writes < 20, `${writes} tiny writes for ${MAX_BACKLOG} bytes`)
    const large = { bytes: MAX_BACKLOG - 511 }
    t.notOk(create(fake(large)).write(event))
    large.bytes--
    t.ok(create(fake(large)).write(event))
  })

  t.test(`${title} writes nothing once the reader has ended its half of the connection`, async (t) => {
    const writer = create(fake({ bytes: 0, isOver: true, onWrite: () => t.fail('it wrote') }))
    t.equal(writer.write(event), false)
  })

  t.test(`${title} resets its count once nothing waits`, async (t) => {
    const waiting = { bytes: 9 }
    const writer = create(fake(waiting))
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 10; n++) t.ok(writer.write(event), `write ${n} of round ${round}`)
      waiting.bytes = 0
      t.ok(writer.write(event))
      waiting.bytes = 9
    }
  })

  t.test(`${title} accepts any number of writes that leave after their turn of the event loop, as over TLS`, async (t) => {
    const waiting: Waiting = { bytes: 0, onWrite: () => { waiting.bytes = 9 } }
    const writer = create(fake(waiting))
    for (let n = 0; n < 100; n++) {
      t.ok(writer.write(event), `write ${n}`)
      waiting.bytes = 0
    }
  })

  t.test(`${title} calls back once the waiting bytes have left, even without \`drain\`, and never if they cannot leave`, async (t) => {
    const waiting: Waiting & { readonly written: Array<(error?: Error) => void> } = { bytes: 9, written: [] }
    const of = fake(waiting)
    let calls = 0
    const drained = (): void => { calls++ }
    create(of).onceDrained(drained)
    create(of).onceDrained(drained)
    t.equal(calls, 0)
    const [left, failed] = waiting.written
    left!()
    t.equal(calls, 1)
    failed!(new Error('the connection is gone'))
    t.equal(calls, 1)

    waiting.isOver = true
    create(of).onceDrained(drained)
    t.equal(waiting.written.length, 2, 'a write after the end would cut off waiting bytes')
    waiting.isOver = false

    waiting.needsDrain = true
    create(of).onceDrained(drained)
    t.equal(waiting.written.length, 2)
    for (let n = 0; n < 2; n++) for (const emitter of [of.socket, of.response]) emitter.emit('drain')
    t.equal(calls, 2)
  })
}
