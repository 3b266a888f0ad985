import t from 'tap'
import { createEpoch, formatPosition, parsePosition } from '../../lib/broker/position.ts'

t.test('a position survives its text', async (t) => {
  const epoch = createEpoch()
  for (const offset of [0, 1, 9, 10, 123_456_789, Number.MAX_SAFE_INTEGER]) {
    t.strictSame(parsePosition(formatPosition({ epoch, offset })), { epoch, offset })
  }
})

t.test('an event ID is short printable ASCII that a URL takes as it is', async (t) => {
  const id = formatPosition({ epoch: createEpoch(), offset: Number.MAX_SAFE_INTEGER })
  t.match(id, /^[0-9a-z.]{1,32}$/)
  t.equal(encodeURIComponent(id), id)
})

t.test('a text of another form is no position', async (t) => {
  for (const text of ['', '1', 'abc.1', '0123456789.', '0123456789.01', '0123456789.-1', '0123456789.1 ', ' 0123456789.1',
    '0123456789.1e3', 'ABCDEFGHIJ.1', '0123456789.99999999999999999', '0123456789.1\n', '$', '*', '0-0', 'constructor', '0123456789.١']) {
    t.equal(parsePosition(text), undefined, JSON.stringify(text))
  }
})

t.test('each history has an epoch of its own', async (t) => {
  t.equal(new Set(Array.from({ length: 1000 }, createEpoch)).size, 1000)
})
