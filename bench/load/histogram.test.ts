import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram } from './histogram.ts'

test('quantiles are known within two percent, from microseconds to minutes', () => {
  for (const scale of [0.05, 1, 40, 3000, 60_000]) {
    const histogram = new Histogram()
    for (let i = 1; i <= 1000; i++) histogram.add(scale * i / 1000)
    const { p50, p99, max } = histogram.latency
    assert.ok(Math.abs(p50 / (scale * 0.5) - 1) < 0.05, `p50 ${p50} of ${scale}`)
    assert.ok(Math.abs(p99 / (scale * 0.99) - 1) < 0.03, `p99 ${p99} of ${scale}`)
    assert.equal(max, scale)
  }
})

test('an empty histogram gives zeros', () => {
  assert.deepEqual(new Histogram().latency, { p50: 0, p99: 0, max: 0 })
})

test('a clock that is a little behind gives no negative times', () => {
  const histogram = new Histogram()
  histogram.add(-0.2)
  assert.equal(histogram.latency.p99, 0)
})
