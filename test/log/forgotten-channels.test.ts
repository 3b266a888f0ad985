import t from 'tap'
import { ForgottenChannels } from '../../lib/log/forgotten-channels.ts'

t.test('what a channel lost is remembered, and no other channel is thought to have lost it', async (t) => {
  const forgotten = new ForgottenChannels(0)
  t.equal(forgotten.lostOffset('user:1'), 0)
  forgotten.add('user:1', 17)
  t.equal(forgotten.lostOffset('user:1'), 17)
  forgotten.add('user:1', 9)
  t.equal(forgotten.lostOffset('user:1'), 17, 'the newest counts')
  const others = Array.from({ length: 1000 }, (_, i) => forgotten.lostOffset(`user:${i + 2}`))
  t.ok(others.filter((offset) => offset > 0).length <= 1)
})

/** The part of many channels that lost nothing and are thought to have lost something since `origin`. */
function falseGaps (forgotten: ForgottenChannels, origin: number): number {
  const quiet = Array.from({ length: 5000 }, (_, i) => forgotten.lostOffset(`quiet/${i}`))
  return quiet.filter((offset) => offset > origin).length / quiet.length
}

// docs/reconnecting.md has the formula behind these.
for (const [count, allowed] of [[20_000, 0.005], [100_000, 0.05]] as const) {
  t.test(`beside ${count} forgotten channels hardly any is given an offset that is too high, and none one that is too low`, async (t) => {
    for (const name of [(i: number) => `room/${i}`, (i: number) => `${i}`, (i: number) => `user:${i.toString(36)}:inbox`]) {
      const forgotten = new ForgottenChannels(5)
      for (let i = 1; i <= count; i++) forgotten.add(name(i), 5 + i)
      let tooLow = 0
      for (let i = 1; i <= count; i++) if (forgotten.lostOffset(name(i)) < 5 + i) tooLow++
      t.equal(tooLow, 0, 'no gap would be missed')
      const part = falseGaps(forgotten, 5)
      t.ok(part < allowed, `${part * 100} % of false gaps`)
    }
  })
}

t.test('beside more channels than there are places a gap is still never missed, whatever is forgotten again', async (t) => {
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
  t.ok(falseGaps(forgotten, 0) > 0.9, 'but what was dropped is no longer told from what never was')
  t.equal(falseGaps(forgotten, offset), 0, 'a reader that is up to date is never told of a gap')
})

t.test('before anything is forgotten every channel has the origin', async (t) => {
  t.equal(new ForgottenChannels(5).lostOffset('room/1'), 5)
})
