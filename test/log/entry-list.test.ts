import t from 'tap'
import fc from 'fast-check'
import type { Entry } from '../../lib/log/entry.ts'
import { EntryList } from '../../lib/log/entry-list.ts'
import { tries } from '../support/tries.ts'

const entryAt = (index: number): Entry => ({
  index, position: null, id: undefined, channels: [], key: undefined, time: 0, bytes: Buffer.alloc(0), deflated: undefined, listings: 0
})

t.test('an entry list equals a plain array after any appends and removals', async (t) => {
  const step = fc.tuple(fc.constantFrom('append', 'remove first', 'remove any', 'remove again'), fc.nat())
  fc.assert(fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
    const list = new EntryList()
    let plain: Entry[] = []
    let removed: Entry | undefined
    let index = 0
    for (const [what, n] of steps) {
      if (what === 'append') {
        const entry = entryAt(index += 1 + n % 3)
        list.append(entry)
        plain.push(entry)
        continue
      }
      const entry = what === 'remove first' ? plain[0] : what === 'remove any' ? plain[n % Math.max(plain.length, 1)] : removed
      if (entry === undefined) continue
      if (list.remove(entry) !== plain.includes(entry)) return false
      plain = plain.filter((one) => one !== entry)
      removed = entry
      if (list.size !== plain.length || list.first !== plain[0]) return false
    }
    for (let from = 0; from <= index + 1; from++) {
      const slot = list.present(list.slotOf(from))
      if ((slot === list.end ? undefined : list.at(slot)) !== plain.find((entry) => entry.index >= from)) return false
      if (list.before(list.slotOf(from)) !== plain.findLast((entry) => entry.index < from)) return false
    }
    for (const count of [0, 1, 2, 7, Infinity]) {
      const slot = list.present(list.newest(count))
      if ((slot === list.end ? undefined : list.at(slot)) !== plain.at(-Math.min(count, plain.length)) && count > 0) return false
      if (count === 0 && slot !== list.end) return false
    }
    return [...list].every((entry, at) => entry === plain[at])
  }), tries(500))
  t.pass('in every case')
})

t.test('`remove` of an entry outside the list returns false and removes nothing', async (t) => {
  const list = new EntryList()
  const entry = entryAt(1)
  list.append(entry)
  t.equal(list.remove(entryAt(1)), false)
  t.equal(list.remove(entryAt(2)), false)
  t.equal(list.size, 1)
})

t.test('removed entries do not pile up as empty slots', async (t) => {
  const list = new EntryList()
  const first = entryAt(0)
  list.append(first)
  for (let index = 1; index < 10_000; index++) {
    const entry = entryAt(index)
    list.append(entry)
    list.remove(entry)
    if (list.end > 100) t.fail('slots pile up', { end: list.end })
  }
  t.equal(list.first, first)
  t.equal(list.size, 1)
})
