import t from 'tap'
import { ForgottenChannels } from '../../lib/log/forgotten-channels.ts'

t.test('the evicted offset of a forgotten channel is remembered, and affects at most one of 1,000 other channels', async (t) => {
  const forgotten = new ForgottenChannels(0)
  t.equal(forgotten.lostOffset('user:1'), 0)
  forgotten.add('user:1', 17)
  t.equal(forgotten.lostOffset('user:1'), 17)
  forgotten.add('user:1', 9)
  t.equal(forgotten.lostOffset('user:1'), 17, 'the highest offset counts')
  const others = Array.from({ length: 1000 }, (_, i) => forgotten.lostOffset(`user:${i + 2}`))
  t.ok(others.filter((offset) => offset > 0).length <= 1)
})

/** The fraction of 5,000 channels without losses that report a loss since the offset `origin`. */
function falseGaps (forgotten: ForgottenChannels, origin: number): number {
  const quiet = Array.from({ length: 5000 }, (_, i) => forgotten.lostOffset(`quiet/${i}`))
  return quiet.filter((offset) => offset > origin).length / quiet.length
}

// docs/reconnecting.md has the formula for these fractions.
for (const [count, allowed] of [[20_000, 0.005], [100_000, 0.05]] as const) {
  t.test(`with ${count} forgotten channels no offset is too low, and fewer than ${allowed * 100} % of other channels have one that is too high`, async (t) => {
    for (const name of [(i: number) => `room/${i}`, (i: number) => `${i}`, (i: number) => `user:${i.toString(36)}:inbox`]) {
      const forgotten = new ForgottenChannels(5)
      for (let i = 1; i <= count; i++) forgotten.add(name(i), 5 + i)
      let tooLow = 0
      for (let i = 1; i <= count; i++) if (forgotten.lostOffset(name(i)) < 5 + i) tooLow++
      t.equal(tooLow, 0, 'no gap is missed')
      const part = falseGaps(forgotten, 5)
      t.ok(part < allowed, `${part * 100} % of false gaps`)
    }
  })
}

t.test('channels with older offsets displace no newer one', async (t) => {
  const forgotten = new ForgottenChannels(0)
  const COUNT = 150_000
  for (let i = 0; i < COUNT; i++) forgotten.add(`room/${i}`, 1000)
  for (let i = 0; i < COUNT; i++) forgotten.add(`old/${i}`, 7)
  const offsets = (name: string): number[] => Array.from({ length: COUNT }, (_, i) => forgotten.lostOffset(`${name}/${i}`))
  t.notOk(offsets('room').some((offset) => offset < 1000))
  t.notOk(offsets('old').some((offset) => offset < 7))
})

t.test('with more forgotten channels than slots no gap is missed, even for channels that are forgotten again', async (t) => {
  const forgotten = new ForgottenChannels(0)
  const offsets = new Map<string, number>()
  let offset = 0
  const forget = (name: string): void => {
    forgotten.add(name, ++offset)
    offsets.set(name, offset)
  }
  for (let i = 0; i < 250_000; i++) {
    forget(`room/${i}`)
    if (i % 3 === 0) forget(`room/${i >> 1}`)
  }
  t.notOk([...offsets].some(([name, offset]) => forgotten.lostOffset(name) < offset))
  t.ok(falseGaps(forgotten, 0) > 0.9, 'forgotten channels are no longer distinguished from unknown ones')
  t.equal(falseGaps(forgotten, offset), 0, 'a current reader receives no gap')
})

t.test('every channel has the offset of the origin until a channel is forgotten', async (t) => {
  t.equal(new ForgottenChannels(5).lostOffset('room/1'), 5)
})
