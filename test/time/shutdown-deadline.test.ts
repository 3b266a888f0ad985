import t from 'tap'
import { ShutdownDeadline } from '../../lib/time/shutdown-deadline.ts'

t.test('`left` counts down from the first `begin` and never falls below 0', async (t) => {
  const closing = new ShutdownDeadline(500)
  t.equal(closing.isUnderway, false)
  closing.begin()
  t.equal(closing.isUnderway, true)
  const first = closing.left
  t.ok(first <= 500)
  await new Promise((resolve) => setTimeout(resolve, 20))
  closing.begin()
  t.ok(closing.left < first)
  await new Promise((resolve) => setTimeout(resolve, 510))
  t.equal(closing.left, 0)
})

t.test('`left` is never longer than the longest timer', async (t) => {
  const closing = new ShutdownDeadline(Infinity)
  t.equal(closing.left, 2 ** 31 - 1)
  closing.begin()
  t.equal(closing.left, 2 ** 31 - 1)
})
