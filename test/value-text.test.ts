import t from 'tap'
import { kindOf } from '../lib/value-text.ts'

const KINDS: Array<[value: unknown, kind: string]> = [
  [undefined, 'undefined'], [null, 'null'], [NaN, 'NaN'], [7, 'a number'], [7n, 'a bigint'], [true, 'a boolean'], [Symbol('s'), 'a symbol'], [() => {}, 'a function'],
  ['', 'empty text'], ['a', 'text of 1 character'], ['a'.repeat(300), 'text of 300 characters'], [[], 'an empty list'], [['a'], 'a list'], [{ a: 1 }, 'an object'],
  [Object.create(null), 'an object'], [new Date(5), 'a Date'], [new Date(NaN), 'an invalid Date'], [Promise.resolve(7), 'a promise'],
  [{ get [Symbol.toStringTag] () { throw new Error('not asked') } }, 'an object']
]

t.test('`kindOf` names the kind of a value and reveals no content', async (t) => {
  for (const [value, kind] of KINDS) t.equal(kindOf(value), kind)
})
