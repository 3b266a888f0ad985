import t from 'tap'
import { Forgotten } from '../lib/forgotten.ts'

t.test('what a channel lost is remembered, and no other channel is thought to have lost it', async (t) => {
  const forgotten = new Forgotten(0)
  t.equal(forgotten.evictedOffset('user:1'), 0)
  forgotten.add('user:1', 17)
  t.equal(forgotten.evictedOffset('user:1'), 17)
  forgotten.add('user:1', 9)
  t.equal(forgotten.evictedOffset('user:1'), 17, 'the newest counts')
  const others = Array.from({ length: 1000 }, (_, i) => forgotten.evictedOffset(`user:${i + 2}`))
  t.ok(others.filter((offset) => offset > 0).length <= 1)
})

t.test('of many channels each is given an offset that is not too low, and few one that is too high', async (t) => {
  const forgotten = new Forgotten(5)
  for (let i = 1; i <= 2000; i++) forgotten.add(`room/${i}`, 5 + i)
  let shared = 0
  for (let i = 1; i <= 2000; i++) {
    const offset = forgotten.evictedOffset(`room/${i}`)
    if (offset < 5 + i) t.fail('a gap would be missed', { i, offset })
    if (offset > 5 + i) shared++
  }
  t.ok(shared < 250, `${shared} share a place`)
  t.equal(new Forgotten(5).evictedOffset('room/1'), 5, 'before the origin nobody knows')
})
