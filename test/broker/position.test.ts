import t from 'tap'
import { createEpoch, formatPosition, parsePosition } from '../../lib/broker/position.ts'

t.test('`parsePosition` restores what `formatPosition` wrote, up to the largest safe integer', async (t) => {
  const epoch = createEpoch()
  for (const offset of [0, 1, 9, 10, 123_456_789, Number.MAX_SAFE_INTEGER]) {
    t.strictSame(parsePosition(formatPosition({ epoch, offset })), { epoch, offset })
  }
})

t.test('an event ID has at most 32 characters, and a URL carries each of them unescaped', async (t) => {
  const id = formatPosition({ epoch: createEpoch(), offset: Number.MAX_SAFE_INTEGER })
  t.match(id, /^[0-9a-z.]{1,32}$/)
  t.equal(encodeURIComponent(id), id)
})

t.test('`parsePosition` returns undefined for malformed text', async (t) => {
  for (const text of ['', '1', 'abc.1', '0123456789.', '0123456789.01', '0123456789.-1', '0123456789.1 ', ' 0123456789.1',
    '0123456789.1e3', 'ABCDEFGHIJ.1', '0123456789.99999999999999999', '0123456789.1\n', '$', '*', '0-0', 'constructor', '0123456789.١']) {
    t.equal(parsePosition(text), undefined, JSON.stringify(text))
  }
})

t.test('`createEpoch` returns 1,000 different epochs in 1,000 calls', async (t) => {
  t.equal(new Set(Array.from({ length: 1000 }, createEpoch)).size, 1000)
})
