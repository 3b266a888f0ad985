import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

// CPU and memory of processes, as Linux reports them in /proc.

/** Seconds of CPU time, in the program and in the kernel on its behalf. */
export interface Cpu {
  readonly user: number
  readonly system: number
}

const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
/** Indexes of fields after the name of the program, which may contain blanks and parentheses. */
const USER = 11
const SYSTEM = 12

/** Sums the CPU time of processes since their start. Undefined: one of them has ended. */
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

/** Sums the resident bytes of processes. Undefined: one of them has ended. */
export function residentOf (pids: readonly number[]): number | undefined {
  return sumOf(pids, 'VmRSS')
}

/** Sums the peaks of resident bytes since `forgetPeak`, or since the start. Undefined: a process has ended. */
export function peakOf (pids: readonly number[]): number | undefined {
  return sumOf(pids, 'VmHWM')
}

export function forgetPeak (pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, '5')
    } catch {
      // No permission, or the process has ended: its peak dates from its start.
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
