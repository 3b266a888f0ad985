import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { LEFT, whileOpen } from '../../lib/open/wait-while-open.ts'

/** The part of an HTTP/2 response that `whileOpen` uses. */
class Response extends EventEmitter {
  readonly stream = { destroyed: false, closed: false }

  close (): void {
    this.stream.closed = true
    this.emit('close')
  }
}

const asResponse = (response: Response): ServerResponse => response as unknown as ServerResponse

t.test('a value that is not a promise is returned synchronously', async (t) => {
  const value = {}
  for (const given of [undefined, null, 0, value]) t.equal(whileOpen(asResponse(new Response()), given), given)
})

t.test('the outcome of a promise is passed on while the response is open, and leaves no listener', async (t) => {
  const response = new Response()
  const inner = new Error('inner')
  t.equal(await whileOpen(asResponse(response), Promise.resolve(7)), 7)
  await t.rejects(async () => whileOpen(asResponse(response), Promise.reject(inner)), inner)
  await new Promise(setImmediate)
  t.equal(response.listenerCount('close'), 0)
})

t.test('the wait ends with LEFT when the response closes, and a later outcome is ignored', async (t) => {
  for (const end of ['resolve', 'reject'] as const) {
    const response = new Response()
    let settle = { resolve: (_value: number) => {}, reject: (_error: Error) => {} }
    const waiting = whileOpen(asResponse(response), new Promise<number>((resolve, reject) => { settle = { resolve, reject } }))
    response.close()
    t.equal(await waiting, LEFT)
    t.equal(response.listenerCount('close'), 0)
    // An unhandled rejection would fail this file.
    if (end === 'resolve') settle.resolve(7)
    else settle.reject(new Error('late'))
    await new Promise(setImmediate)
  }
})

t.test('the wait on a closed response ends immediately with LEFT', async (t) => {
  const response = new Response()
  response.close()
  t.equal(await whileOpen(asResponse(response), new Promise(() => {})), LEFT)
  t.equal(await whileOpen(asResponse(response), Promise.reject(new Error('ignored'))), LEFT)
})
