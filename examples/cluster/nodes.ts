import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { FastifyBaseLogger } from 'fastify'
import { NAMES, type Name } from './events.ts'

const NODE = fileURLToPath(new URL('node.ts', import.meta.url))
/** The time until a node that has ended starts again, in milliseconds. */
const RESTART_DELAY = 1000

/** The node processes. Each starts again when it has ended. */
export class Nodes {
  readonly #ports: ReadonlyMap<Name, number>
  readonly #redis: string
  readonly #log: FastifyBaseLogger
  readonly #processes = new Map<Name, ChildProcess>()
  readonly #ready = new Set<Name>()
  #isStopping = false

  /** @param ports One port for each name. */
  constructor (ports: readonly number[], redis: string, log: FastifyBaseLogger) {
    this.#ports = new Map(NAMES.map((name, at) => [name, ports[at]!]))
    this.#redis = redis
    this.#log = log
  }

  /** The names of the nodes that serve readers now. */
  get ready (): Name[] { return NAMES.filter((name) => this.#ready.has(name)) }

  /** Starts all nodes. @returns A promise that resolves once each of them has been ready. */
  async start (): Promise<void> {
    await Promise.all(NAMES.map((name) => new Promise<void>((resolve) => this.#start(name, resolve))))
  }

  /** Kills a node. It has no time to close anything. */
  kill (name: Name): void {
    this.#processes.get(name)?.kill('SIGKILL')
  }

  /** Closes all nodes. @returns A promise that resolves once they have ended. */
  async stop (): Promise<void> {
    this.#isStopping = true
    await Promise.all([...this.#processes.values()].map(async (child) => {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }))
  }

  #start (name: Name, started: () => void): void {
    if (this.#isStopping) return
    const child = fork(NODE, [name, String(this.#ports.get(name)), this.#redis])
    this.#processes.set(name, child)
    child.once('message', () => {
      this.#ready.add(name)
      this.#log.info({ process: child.pid }, `node ${name} is ready`)
      started()
    })
    child.once('exit', (code, signal) => {
      this.#processes.delete(name)
      this.#ready.delete(name)
      this.#log.info({ process: child.pid, code, signal }, `node ${name} has ended`)
      setTimeout(() => this.#start(name, started), RESTART_DELAY)
    })
  }
}
