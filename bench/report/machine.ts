import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'

/** The machine and the time of a measurement. */
export interface Machine {
  readonly began: string
  readonly ended: string
  readonly cpu: string
  readonly cores: number
  readonly memory: number
  readonly kernel: string
  readonly node: string
  readonly system: string
  readonly loadBefore: string
  readonly loadAfter: string
  readonly isPinned: boolean
}

/** Records the time and the load average now. @returns A function that records them again at the end, with the facts about the machine. */
export function lookAtMachine (isPinned: boolean): () => Machine {
  const before = { began: date(), loadBefore: loadText() }
  return () => ({
    ...before,
    ended: date(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    cores: cpus().length,
    memory: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    system: systemName(),
    loadAfter: loadText(),
    isPinned
  })
}

function date (): string {
  return `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function loadText (): string {
  return loadavg().map((value) => value.toFixed(2)).join(', ')
}

function systemName (): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? ''
  } catch {
    return ''
  }
}
