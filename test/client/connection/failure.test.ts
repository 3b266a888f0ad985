import t from 'tap'
import { classifyResponse } from '../../../client/connection/failure.ts'

const waitOf = (retryAfter: string): number => Math.max(classifyResponse(answer(503, retryAfter))!.wait!, 0)

const answer = (status: number, retryAfter?: string): Response =>
  new Response(null, { status, headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter } })

for (const status of [204, 401, 403, 404, 410]) {
  t.test(`status ${status} means that the stream is gone, even with Retry-After`, async (t) => {
    t.strictSame(classifyResponse(answer(status)), { gone: { state: 'closed', reason: 'gone', httpStatus: status } })
    t.strictSame(classifyResponse(answer(status, '10')), classifyResponse(answer(status)))
  })
}

for (const status of [200, 201, 302, 400, 402, 405, 406, 408, 409, 429, 500, 502, 503, 504]) {
  t.test(`status ${status} allows a retry, after Retry-After if it is present`, async (t) => {
    t.strictSame(classifyResponse(answer(status)), { httpStatus: status, wait: 0 })
    t.equal(classifyResponse(answer(status, '10'))!.wait, 10_000)
  })
}

for (const type of ['text/event-stream', 'text/event-stream;charset=utf-8', 'Text/Event-Stream ; charset=UTF-8', 'text/event-stream;', 'text/event-stream;bogus',
  'text/event-stream;charset=windows-1251']) {
  t.test(`a response 200 with ${type} is an event stream and no failure`, async (t) => {
    t.equal(classifyResponse(new Response(null, { headers: { 'content-type': type } })), undefined)
    t.match(classifyResponse(new Response(null, { status: 201, headers: { 'content-type': type } })), { httpStatus: 201 }, 'a response 201 is a failure')
  })
}

for (const type of ['text/event-streams', 'text/event-stream-2', 'text/event-stream bogus', 'x-text/event-stream', 'text/plain; charset=text/event-stream', ' text/html']) {
  t.test(`a response 200 with ${type} is a failure`, async (t) => {
    t.match(classifyResponse(new Response(null, { headers: { 'content-type': type } })), { httpStatus: 200 })
  })
}

t.test('Retry-After may be a number of seconds', async (t) => {
  t.equal(waitOf('1'), 1000)
  t.equal(waitOf('86400'), 86_400_000)
  t.equal(waitOf('0'), 0)
  t.equal(waitOf('-5'), 0)
})

t.test('Retry-After may be an HTTP date', async (t) => {
  const { now } = Date
  t.teardown(() => { Date.now = now })
  Date.now = () => Date.UTC(1994, 10, 6, 8, 49, 7)
  t.equal(waitOf('Sun, 06 Nov 1994 08:49:37 GMT'), 30_000)
  t.equal(waitOf('Sun, 06 Nov 1994 08:49:07 GMT'), 0, 'now')
  t.equal(waitOf('Sun, 06 Nov 1994 08:48:37 GMT'), 0, 'past')
})

t.test('an invalid Retry-After counts as no wait', async (t) => {
  for (const nonsense of ['', 'soon', '1s', '10, 20', 'NaN']) t.equal(waitOf(nonsense), 0, nonsense)
})
