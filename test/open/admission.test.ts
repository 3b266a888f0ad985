import { EventEmitter } from 'node:events'
import t from 'tap'
import { Admission, type AdmissionLimits } from '../../lib/open/admission.ts'
import type { AnyResponse } from '../../lib/response/any-response.ts'
import { settlesAt, usedBytes } from '../flows/numbered-reader.ts'

function createAdmission (limits: Partial<AdmissionLimits>): Admission {
  return new Admission({ maxSubscribers: Infinity, maxSubscribersPerKey: Infinity, keyGenerator: () => 'a', ...limits })
}

/** The part of a response that `Admission` uses. */
function open (): EventEmitter & AnyResponse {
  return new EventEmitter() as EventEmitter & AnyResponse
}

t.test('a response that emits "close" twice frees one place', async (t) => {
  const admission = createAdmission({ maxSubscribers: 2, maxSubscribersPerKey: 2 })
  const response = Object.assign(open(), { once: EventEmitter.prototype.on })
  t.equal(admission.enter('a', response), true)
  t.equal(admission.enter('a', open()), true)
  response.emit('close')
  response.emit('close')
  t.equal(admission.enter('a', open()), true)
  t.equal(admission.enter('a', open()), false)
})

t.test('a request that is refused for its key takes no place of other keys', async (t) => {
  const admission = createAdmission({ maxSubscribers: 2, maxSubscribersPerKey: 1 })
  t.equal(admission.enter('a', open()), true)
  t.equal(admission.enter('a', open()), false)
  t.equal(admission.enter('b', open()), true)
  t.equal(admission.enter('c', open()), false)
})

t.test('a text and a number are different keys', async (t) => {
  const admission = createAdmission({ maxSubscribersPerKey: 1 })
  t.equal(admission.enter('1', open()), true)
  t.equal(admission.enter(1, open()), true)
})

t.test('a key without open responses takes no memory', async (t) => {
  const admission = createAdmission({ maxSubscribersPerKey: 1 })
  const before = usedBytes()
  for (let n = 0; n < 20_000; n++) {
    const response = open()
    admission.enter(`${n}`.padEnd(1000, 'x').split('').join(''), response)
    response.emit('close')
  }
  const after = await settlesAt(before + 2_000_000)
  t.ok(after - before < 2_000_000, `${after - before} bytes more`)
})
