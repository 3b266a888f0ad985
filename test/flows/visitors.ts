import { connect, type Socket } from 'node:net'

// Readers that come and go, in a process of their own: a server works while they do.

export interface Visits {
  readonly port: number
  /** Connections. */
  readonly count: number
  readonly atATime: number
}

/** How a reader leaves. */
const WAYS: ReadonlyArray<(socket: Socket) => void> = [
  // After its stream opened: a FIN.
  (socket) => socket.once('data', () => socket.end()),
  // After its stream opened: a RST.
  (socket) => socket.once('data', () => socket.resetAndDestroy()),
  // Its request is sent, and nothing is read.
  (socket) => socket.pause().once('connect', () => setImmediate(() => socket.destroy())),
  (socket) => socket.pause().once('connect', () => setImmediate(() => socket.resetAndDestroy()))
]

const ROOMS = 1000

/** Requests of one connection in fifty, pipelined: streams that wait for their turn, and are gone before it comes. */
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
