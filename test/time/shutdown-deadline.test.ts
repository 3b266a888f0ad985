import t from 'tap'
import { ShutdownDeadline } from '../../lib/time/shutdown-deadline.ts'

t.test('what is left of the time runs from the first beginning, and never below 0', async (t) => {
  const closing = new ShutdownDeadline(50)
  t.equal(closing.isUnderway, false)
  closing.begin()
  t.equal(closing.isUnderway, true)
  const first = closing.left
  t.ok(first <= 50)
  await new Promise((resolve) => setTimeout(resolve, 20))
  closing.begin()
  t.ok(closing.left < first)
  await new Promise((resolve) => setTimeout(resolve, 40))
  t.equal(closing.left, 0)
})

t.test('what is left is a time that a timer takes', async (t) => {
  const closing = new ShutdownDeadline(Infinity)
  t.equal(closing.left, 2 ** 31 - 1)
  closing.begin()
  t.equal(closing.left, 2 ** 31 - 1)
})
