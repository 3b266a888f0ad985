import t from 'tap'
import { judge } from '../../client/verdict.ts'

const answer = (status: number, retryAfter?: string): Response =>
  new Response(null, { status, headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter } })

for (const status of [204, 401, 403, 404, 410]) {
  t.test(`${status} says that there is nothing to come back to, whenever`, async (t) => {
    t.strictSame(judge(answer(status)), { gone: status })
    t.strictSame(judge(answer(status, '10')), { gone: status })
  })
}

for (const status of [200, 201, 302, 400, 402, 405, 406, 408, 409, 429, 500, 502, 503, 504]) {
  t.test(`${status} says nothing of the kind`, async (t) => {
    t.strictSame(judge(answer(status)), { httpStatus: status, wait: undefined })
    t.equal(judge(answer(status, '10')).wait, 10_000)
  })
}

t.test('Retry-After is a number of seconds', async (t) => {
  t.equal(judge(answer(503, '1')).wait, 1000)
  t.equal(judge(answer(503, '86400')).wait, 86_400_000)
  t.equal(judge(answer(503, '0')).wait, undefined)
  t.equal(judge(answer(503, '-5')).wait, undefined)
})

t.test('or a date', async (t) => {
  const { now } = Date
  t.teardown(() => { Date.now = now })
  Date.now = () => Date.UTC(1994, 10, 6, 8, 49, 7)
  t.equal(judge(answer(503, 'Sun, 06 Nov 1994 08:49:37 GMT')).wait, 30_000)
  t.equal(judge(answer(503, 'Sun, 06 Nov 1994 08:49:07 GMT')).wait, undefined, 'now')
  t.equal(judge(answer(503, 'Sun, 06 Nov 1994 08:48:37 GMT')).wait, undefined, 'past')
})

t.test('what is neither says nothing', async (t) => {
  for (const nonsense of ['', 'soon', '1s', '10, 20', 'NaN']) t.equal(judge(answer(503, nonsense)).wait, undefined, nonsense)
})
