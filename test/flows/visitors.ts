import { connect, type Socket } from 'node:net'

// Readers that come and go, in a separate process, so that the server works meanwhile.

export interface Visits {
  readonly port: number
  /** The number of connections. */
  readonly count: number
  readonly atATime: number
}

/** The ways in which a reader leaves, used in turn. */
const WAYS: ReadonlyArray<(socket: Socket) => void> = [
  // With a FIN, after its stream opened.
  (socket) => socket.once('data', () => socket.end()),
  // With a RST, after its stream opened.
  (socket) => socket.once('data', () => socket.resetAndDestroy()),
  // Right after its request, without reading: with a FIN, or with a RST.
  (socket) => socket.pause().once('connect', () => setImmediate(() => socket.destroy())),
  (socket) => socket.pause().once('connect', () => setImmediate(() => socket.resetAndDestroy()))
]

const ROOMS = 1000

/** One connection in fifty pipelines so many requests: their streams wait for their turn, and end before it comes. */
const PIPELINED = 4
const ONE_IN = 50

function visit (port: number, number: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const ask = (n: number): string => `GET /events?room=${(number + n) % ROOMS} HTTP/1.1\r\nhost: localhost\r\n\r\n`
    socket.write(Array.from({ length: number % ONE_IN === 0 ? PIPELINED : 1 }, (_, n) => ask(n)).join(''))
    WAYS[number % WAYS.length]!(socket)
    socket.on('error', () => {})
    socket.once('close', () => resolve())
  })
}

process.on('message', ({ port, count, atATime }: Visits) => {
  let next = 0
  const line = async (): Promise<void> => { while (next < count) await visit(port, next++) }
  void Promise.all(Array.from({ length: atATime }, line)).then(() => process.send!('done'))
})
process.on('disconnect', () => process.exit())
