import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

/** Seconds of a core, in the program's own code and in the kernel for it. */
export interface Cpu {
  readonly user: number
  readonly system: number
}

const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
/** What follows the name, which may hold blanks and parentheses. */
const USER = 11
const SYSTEM = 12

/** What processes have used since they began, as the operating system counts it. Undefined: one has ended. */
export function cpuOf (pids: readonly number[]): Cpu | undefined {
  let user = 0
  let system = 0
  for (const pid of pids) {
    const stat = read(pid, 'stat')
    if (stat === undefined) return undefined
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    user += Number(fields[USER]) / TICKS
    system += Number(fields[SYSTEM]) / TICKS
  }
  return { user, system }
}

/** Bytes resident. Undefined: one has ended. */
export function residentOf (pids: readonly number[]): number | undefined {
  return sumOf(pids, 'VmRSS')
}

/** The most bytes that were resident, since `forgetPeak` or ever. */
export function peakOf (pids: readonly number[]): number | undefined {
  return sumOf(pids, 'VmHWM')
}

export function forgetPeak (pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, '5')
    } catch {
      // Not ours to reset, or gone: the peak is that of its life.
    }
  }
}

function sumOf (pids: readonly number[], field: 'VmRSS' | 'VmHWM'): number | undefined {
  let sum = 0
  for (const pid of pids) {
    const kibibytes = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(read(pid, 'status') ?? '')?.[1]
    if (kibibytes === undefined) return undefined
    sum += Number(kibibytes) * 1024
  }
  return sum
}

function read (pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
}
