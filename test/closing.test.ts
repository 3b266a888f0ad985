import t from 'tap'
import { Closing } from '../lib/closing.ts'

t.test('what is left of the time runs from the first beginning, and never below 0', async (t) => {
  const closing = new Closing(500)
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

t.test('what is left is a time that a timer takes', async (t) => {
  const closing = new Closing(Infinity)
  t.equal(closing.left, 2 ** 31 - 1)
  closing.begin()
  t.equal(closing.left, 2 ** 31 - 1)
})
