import { connect } from 'node:net'
import { now } from './clock.ts'
import type { Visits } from './messages.ts'
import { requestOf } from './request.ts'

const VISIT_LIMIT = 5000
const BUFFER = Buffer.allocUnsafeSlow(64 * 1024)

/** Makes a series of short visits, several at a time: connects, requests the stream, and closes at the first bytes of the response. */
export async function visit ({ port, path, seconds, concurrency }: Visits): Promise<{ visits: number, failed: number, seconds: number }> {
  const request = requestOf({ port, path, channels: 0, gzip: false }, 0)
  const began = now()
  let visits = 0
  let failed = 0
  const line = async (): Promise<void> => {
    while (now() - began < seconds * 1000) {
      if (await visitOnce(port, request)) visits++
      else failed++
    }
  }
  await Promise.all(Array.from({ length: concurrency }, line))
  return { visits, failed, seconds: (now() - began) / 1000 }
}

function visitOnce (port: number, request: string): Promise<boolean> {
  return new Promise((resolve) => {
    let isAnswered = false
    const callback = (): boolean => {
      isAnswered = true
      socket.destroy()
      return false
    }
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: BUFFER, callback } })
    socket.write(request)
    socket.setTimeout(VISIT_LIMIT, () => socket.destroy())
    socket.once('error', () => {})
    socket.once('close', () => resolve(isAnswered))
  })
}
