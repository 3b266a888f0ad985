import { spawnSync } from 'node:child_process'
import { notInstalled } from '../support/system.ts'

// Programs in separate network namespaces, joined by a virtual cable that a test can pull. A namespace ends with its programs.

/** The reason to skip a test that needs network namespaces, or false. */
export function noNamespaces (): string | false {
  for (const program of ['unshare', 'nsenter', 'ip']) {
    if (spawnSync(program, ['--version']).error !== undefined) return notInstalled(program)
  }
  const { status } = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'])
  if (status === 0 || process.env.REQUIRE_SYSTEM === '1') return false
  return 'network namespaces are not permitted here: run as root'
}

/** Runs a command in the network namespace of a program. */
export function within (pid: number, ...command: string[]): void {
  const { status, stderr } = spawnSync('nsenter', ['--target', String(pid), '--net', ...command], { encoding: 'latin1' })
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
}

export const HERE = '10.77.0.1'
const THERE = '10.77.0.2'

/** Joins the networks of two programs; the first one gets the address `HERE`. */
export function join (here: number, there: number): void {
  within(here, 'ip', 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', String(there))
  for (const [pid, link, address] of [[here, 'near', HERE], [there, 'far', THERE]] as const) {
    within(pid, 'ip', 'link', 'set', 'lo', 'up')
    within(pid, 'ip', 'address', 'add', `${address}/24`, 'dev', link)
    within(pid, 'ip', 'link', 'set', link, 'up')
  }
}

/** Pulls the cable, or plugs it in again: neither side gets a FIN or a RST. */
export function cable (there: number, state: 'down' | 'up'): void {
  within(there, 'ip', 'link', 'set', 'far', state)
}
