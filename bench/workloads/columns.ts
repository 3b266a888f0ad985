import type { Column } from '../report/columns.ts'

/** Columns that several tables share. */
export const USER: Column = { key: 'user', title: 'user CPU, µs per delivery', digits: 2, ratio: true }
export const SYSTEM: Column = { key: 'system', title: 'system CPU, µs per delivery', digits: 2 }
export const CPU: Column = { key: 'cpu', title: 'CPU, µs per delivery', digits: 2, ratio: true }
export const RATE: Column = { key: 'rate', title: 'deliveries/s', digits: 0 }
export const CORE: Column = { key: 'core', title: 'server core, %', digits: 0 }
export const LOST: Column = { key: 'lost', title: 'lost', digits: 0 }
export const DOUBLES: Column = { key: 'doubles', title: 'twice', digits: 0 }
export const LATE: Column = { key: 'late', title: 'not there in time', digits: 0 }
export const LATENCY: readonly Column[] = [
  { key: 'latency50', title: 'latency p50, ms', digits: 2 },
  { key: 'latency99', title: 'latency p99, ms', digits: 2 }
]
export const LOOP99: Column = { key: 'loop99', title: 'loop delay p99, ms', digits: 1 }
export const LOOP: readonly Column[] = [
  { key: 'loop50', title: 'loop delay p50, ms', digits: 1 },
  LOOP99,
  { key: 'loopMax', title: 'loop delay max, ms', digits: 1 }
]
export const GROWTH: Column = { key: 'growth', title: 'RSS growth, MB', digits: 1 }
export const PEAK: Column = { key: 'peak', title: 'RSS peak above start, MB', digits: 1 }
