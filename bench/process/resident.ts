import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

const COLLECTIONS = 4
const BETWEEN = 50

/** Sums the resident bytes of processes. If none is given, measures this process, after garbage collection if `--expose-gc` is set. */
export async function resident (pids: readonly number[]): Promise<number> {
  if (pids.length > 0) return pids.map(residentOf).reduce((sum, bytes) => sum + bytes)
  for (let i = 0; i < COLLECTIONS && globalThis.gc; i++) {
    globalThis.gc()
    await setTimeout(BETWEEN)
  }
  return process.memoryUsage.rss()
}

function residentOf (pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) * 1024
}
