import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

// Debian installs nginx in a folder that is not in the PATH of every user.
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }

// A shell that ends the program and removes its folder once its own standard input ends. The operating system ends that input even if this process
// is killed. The shell closes its output, so that the output ends with the program.
const GUARD = '"$@" 2>&1 & exec >&- 2>&-; read -r _; kill "$!"; wait; rm -rf "$0"'

/** True if a program is installed that prints its version with `-v`. */
export function isInstalled (command: string): boolean {
  return spawnSync(command, ['-v'], { env }).error === undefined
}

/** A running program with a temporary folder. Both end with this process, however it ends. */
export class Program {
  /** Resolves to everything that the program has printed, once it has ended. */
  readonly ended: Promise<string>
  readonly #shell: ChildProcess

  /** @param args Returns the arguments of the program for its folder. */
  constructor (command: string, args: (folder: string) => string[]) {
    const folder = mkdtempSync(join(tmpdir(), `sse-cluster-${command}-`))
    // Detached: a terminal sends the signal of Ctrl+C to its whole process group, and the nodes need Redis and nginx until they have closed.
    this.#shell = spawn('sh', ['-c', GUARD, folder, command, ...args(folder)], { env, detached: true, stdio: ['pipe', 'pipe', 'ignore'] })
    this.ended = text(this.#shell.stdout!)
  }

  /** Ends the program. @returns A promise that resolves once its folder is removed. */
  async stop (): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return
    this.#shell.stdin!.end()
    await once(this.#shell, 'exit')
  }
}
