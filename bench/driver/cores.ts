import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** The core of the server, and the core that driver and readers share. Undefined: the operating system decides. */
export interface Cores {
  readonly server: number | undefined
  readonly load: number | undefined
}

export const NO_CORES: Cores = { server: undefined, load: undefined }

/** Moves this process to the core of the readers. @returns The cores, or none if the machine has only one, or no `taskset`. */
export function takeCores (): Cores {
  if (availableParallelism() < 2) return NO_CORES
  try {
    execFileSync('taskset', ['-pc', '1', String(process.pid)], { stdio: 'ignore' })
    return { server: 0, load: 1 }
  } catch {
    return NO_CORES
  }
}
