import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Cores } from './cores.ts'

// The processes that the driver starts, and their messages.

/** Error for a process under test that died, did not reply, or was refused: a result, not a fault of the bench. */
export class Collapse extends Error {}

const STOP_LIMIT = 3000
const children = new Set<ChildProcess>()
process.once('exit', () => { for (const child of children) child.kill('SIGKILL') })

interface Waiting<Told> {
  readonly what: string
  readonly resolve: (told: Told) => void
  readonly reject: (reason: Collapse) => void
}

/** A program of the bench in a process of its own, on one core, with messages and replies. */
export class Child<Asked extends object | string, Told extends { readonly what: string }> {
  readonly #name: string
  readonly #process: ChildProcess
  readonly #began = performance.now()
  readonly #waiting: Array<Waiting<Told>> = []
  #stderr = ''
  #end: string | undefined
  /** Receives messages that no `hear` waits for. */
  heard: (told: Told) => void = () => {}

  constructor (name: string, file: string, args: readonly string[], core: Cores[keyof Cores], flags: readonly string[] = []) {
    this.#name = name
    const node = [process.execPath, ...flags, fileURLToPath(new URL(file, import.meta.url)), ...args]
    const [command, ...rest] = core === undefined ? node : ['taskset', '-c', String(core), ...node]
    this.#process = spawn(command!, rest, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    children.add(this.#process)
    this.#process.on('message', (told: Told) => this.#hear(told))
    this.#process.once('error', (error) => this.#ended(error.message))
    this.#process.once('exit', (code, signal) => this.#ended(signal ?? `exit code ${code}`))
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => { this.#stderr = (this.#stderr + text).slice(-4000) })
  }

  get pid (): number {
    return this.#process.pid!
  }

  /** How the process ended; undefined while it runs. */
  get end (): string | undefined {
    return this.#end
  }

  tell (asked: Asked): void {
    if (this.#end === undefined && this.#process.connected) this.#process.send(asked, ignoreGone)
  }

  /** Sends a message and waits for the reply. @throws {Collapse} When the process ends, or does not reply within the limit. */
  async ask<What extends Told['what']> (asked: Asked, what: What, limit: number): Promise<Extract<Told, { what: What }>> {
    const told = this.hear(what, limit)
    this.tell(asked)
    return told
  }

  hear<What extends Told['what']> (what: What, limit: number): Promise<Extract<Told, { what: What }>> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(new Collapse(this.#end))
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        reject(new Collapse(`${this.#name}: no "${what}" within ${limit / 1000} s`))
      }, limit)
      const waiting: Waiting<Told> = {
        what,
        resolve: (told) => { clearTimeout(timer); resolve(told as Extract<Told, { what: What }>) },
        reject: (reason) => { clearTimeout(timer); reject(reason) }
      }
      this.#waiting.push(waiting)
    })
  }

  /** Asks the process to end, and kills it if it does not end in time. */
  async stop (asked?: Asked): Promise<void> {
    if (this.#end !== undefined) return
    const exited = once(this.#process, 'exit')
    if (asked !== undefined) this.tell(asked)
    else this.#process.kill()
    const timer = setTimeout(() => this.kill(), STOP_LIMIT)
    await exited
    clearTimeout(timer)
  }

  kill (): void {
    this.#process.kill('SIGKILL')
  }

  #hear (told: Told): void {
    const index = this.#waiting.findIndex(({ what }) => what === told.what)
    if (index === -1) this.heard(told)
    else this.#waiting.splice(index, 1)[0]!.resolve(told)
  }

  #ended (how: string): void {
    if (this.#end !== undefined) return
    children.delete(this.#process)
    const reason = /heap out of memory/.test(this.#stderr) ? 'out of memory' : [how, ...this.#stderr.match(/^\w*Error: .*$/m) ?? []].join(', ')
    this.#end = `${this.#name} died ${((performance.now() - this.#began) / 1000).toFixed(1)} s after its start (${reason})`
    for (const { reject } of this.#waiting.splice(0)) reject(new Collapse(this.#end))
  }
}

function ignoreGone (): void {}
