import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import t from 'tap'
import { textChunk } from '../lib/chunk.ts'
import { PlainWriter, SocketWriter, type ResponseWriter } from '../lib/response-writer.ts'

/** What a writer sees of a socket or a response: how many bytes wait there, as the test says. */
function fake (waiting: { bytes: number }): { readonly socket: Socket, readonly response: ServerResponse } {
  const stream = {
    writable: { value: true },
    writableLength: { get: () => waiting.bytes },
    destroyed: { value: false },
    writableEnded: { value: false },
    write: { value: () => true }
  }
  const socket = Object.defineProperties({}, stream) as Socket
  return { socket, response: Object.create(ServerResponse.prototype, { ...stream, socket: { value: socket } }) as ServerResponse }
}

const MAX_BACKLOG = 10_000

const writers: Array<[title: string, create: (of: ReturnType<typeof fake>) => ResponseWriter]> = [
  ['the writer to a socket', ({ socket, response }) => new SocketWriter(response, socket, MAX_BACKLOG)],
  ['the writer to any response', ({ response }) => new PlainWriter(response, MAX_BACKLOG)]
]

for (const [title, create] of writers) {
  const event = textChunk('data: x\n\n')

  t.test(`${title} says no when as much waits as is allowed, each write counted with what it takes beside its bytes`, async (t) => {
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

  t.test(`${title} forgets what it counted once nothing waits`, async (t) => {
    const waiting = { bytes: 9 }
    const writer = create(fake(waiting))
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 10; n++) t.ok(writer.write(event), `write ${n} of round ${round}`)
      waiting.bytes = 0
      t.ok(writer.write(event))
      waiting.bytes = 9
    }
  })
}
