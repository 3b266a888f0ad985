import { spawnSync } from 'node:child_process'
import { notInstalled } from '../support/system.ts'

// Programs in networks of their own, joined by a cable that a test can pull. The networks go when their programs do.

/** The reason to skip a test that needs networks of its own. */
export function noNamespaces (): string | false {
  for (const program of ['unshare', 'nsenter', 'ip']) {
    if (spawnSync(program, ['--version']).error !== undefined) return notInstalled(program)
  }
  const { status } = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'])
  if (status === 0 || process.env.REQUIRE_SYSTEM === '1') return false
  return 'networks of its own are not permitted here: run it as root'
}

/** Runs a command in the network of a program. */
export function within (pid: number, ...command: string[]): void {
  const { status, stderr } = spawnSync('nsenter', ['--target', String(pid), '--net', ...command], { encoding: 'latin1' })
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
}

export const HERE = '10.77.0.1'
const THERE = '10.77.0.2'

/** Joins the networks of two programs; the first is `HERE`. */
export function join (here: number, there: number): void {
  within(here, 'ip', 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', String(there))
  for (const [pid, link, address] of [[here, 'near', HERE], [there, 'far', THERE]] as const) {
    within(pid, 'ip', 'link', 'set', 'lo', 'up')
    within(pid, 'ip', 'address', 'add', `${address}/24`, 'dev', link)
    within(pid, 'ip', 'link', 'set', link, 'up')
  }
}

/** Pulls the cable, or plugs it in again: neither side is told anything by the other. */
export function cable (there: number, state: 'down' | 'up'): void {
  within(there, 'ip', 'link', 'set', 'far', state)
}
