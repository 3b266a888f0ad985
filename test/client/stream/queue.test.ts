import t from 'tap'
import { createQueue, type Queue } from '../../../client/stream/queue.ts'

const all = async <T>(queue: Queue<T>): Promise<T[]> => {
  const values: T[] = []
  for await (const value of queue) values.push(value)
  return values
}

t.test('values pushed before a request wait in order', async (t) => {
  const queue = createQueue<number>(() => {})
  for (let value = 0; value < 1000; value++) queue.push(value)
  queue.end()
  t.strictSame(await all(queue), Array.from({ length: 1000 }, (_, value) => value))
})

t.test('pending requests receive one value each, in the order of the requests', async (t) => {
  const queue = createQueue<string>(() => {})
  const asked = [queue.next(), queue.next(), queue.next()]
  for (const value of ['a', 'b']) queue.push(value)
  queue.end()
  t.strictSame((await Promise.all(asked)).map(({ value, done }) => [value, done]), [['a', false], ['b', false], [undefined, true]])
})

t.test('undefined is delivered as a value', async (t) => {
  const queue = createQueue<undefined>(() => {})
  queue.push(undefined)
  t.strictSame(await queue.next(), { value: undefined, done: false })
  const asked = queue.next()
  queue.push(undefined)
  t.strictSame(await asked, { value: undefined, done: false })
})

t.test('a waiting value can be taken once after the end', async (t) => {
  const queue = createQueue<number>(() => {})
  queue.push(1)
  queue.end()
  t.strictSame(await queue.next(), { value: 1, done: false })
  t.strictSame(await queue.next(), { value: undefined, done: true })
})

t.test('a value pushed after the end is ignored', async (t) => {
  const queue = createQueue<number>(() => {})
  queue.end()
  queue.push(1)
  t.strictSame(await queue.next(), { value: undefined, done: true })
})

t.test('leaving a loop drops waiting values, ends pending requests and calls the callback', async (t) => {
  let left = 0
  const queue = createQueue<number>(() => { left++ })
  for (const value of [1, 2, 3]) queue.push(value)
  for await (const value of queue) if (value === 2) break
  t.equal(left, 1)
  t.strictSame(await queue.next(), { value: undefined, done: true })

  const other = createQueue<number>(() => { left++ })
  const asked = other.next()
  t.strictSame(await other.return(), { value: undefined, done: true })
  t.strictSame(await asked, { value: undefined, done: true })
  t.equal(left, 2)
})
