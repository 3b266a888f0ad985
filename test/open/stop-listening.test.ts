import { EventEmitter } from 'node:events'
import type { Server } from 'node:net'
import t from 'tap'
import { stopListening } from '../../lib/open/stop-listening.ts'

t.test('a server that does not extend the Server of node:net, as in Bun, is left to Fastify', async (t) => {
  const server = Object.assign(new EventEmitter(), { listening: true, keepAliveTimeout: 5000, close: () => t.fail('closed') })
  stopListening(server as unknown as Server)
  t.equal(server.keepAliveTimeout, 5000)
  t.equal(server.listenerCount('request'), 0)
})
