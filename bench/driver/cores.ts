import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Which core the server has for itself, and which one driver and readers share. Undefined: wherever the system likes. */
export interface Cores {
  readonly server: number | undefined
  readonly load: number | undefined
}

export const NO_CORES: Cores = { server: undefined, load: undefined }

/** Moves this process to the cores of the load side. */
export function takeCores (): Cores {
  if (availableParallelism() < 2) return NO_CORES
  try {
    execFileSync('taskset', ['-pc', '1', String(process.pid)], { stdio: 'ignore' })
    return { server: 0, load: 1 }
  } catch {
    return NO_CORES
  }
}
