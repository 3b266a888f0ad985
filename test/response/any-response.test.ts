import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { hasClosed, whenClosed } from '../../lib/response/any-response.ts'

/** A response that waits for its turn on a pipelined connection: Node has not given it the socket yet. */
function createPipelined (): { response: ServerResponse, socket: Socket } {
  const socket = new Socket()
  return { response: new ServerResponse(new IncomingMessage(socket)), socket }
}

const listeners = ({ response, socket }: ReturnType<typeof createPipelined>): number => response.listenerCount('close') + socket.listenerCount('close')

t.test('a response that waits for its turn has closed when its connection has', async (t) => {
  const pipelined = createPipelined()
  const { response, socket } = pipelined
  let calls = 0
  whenClosed(response, () => calls++)
  t.notOk(hasClosed(response))
  socket.destroy()
  await new Promise(setImmediate)
  t.equal(calls, 1)
  t.ok(hasClosed(response))
})

t.test('a cancelled `whenClosed` calls nothing and leaves no listener', async (t) => {
  const pipelined = createPipelined()
  const before = listeners(pipelined)
  let calls = 0
  const forget = whenClosed(pipelined.response, () => calls++)
  forget()
  t.equal(listeners(pipelined), before)
  pipelined.socket.destroy()
  await new Promise(setImmediate)
  t.equal(calls, 0)
})
