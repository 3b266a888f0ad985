import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { TYPESCRIPT } from '../support/child.ts'
import { until, type AfterTest } from './raw-reader.ts'
import type { Publish, RestartOptions, Told } from './restart-server.ts'

/** A server process, as seen by the test that started it. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #told: Told[] = []
  readonly #exited: Promise<unknown[]>

  private constructor (child: ChildProcess) {
    this.#child = child
    this.#exited = once(child, 'exit')
    child.on('message', (told: Told) => this.#told.push(told))
  }

  /** @param options Options of the plugin, as JSON can hold them. */
  static async start (t: AfterTest, options: Partial<RestartOptions> = {}): Promise<ServerProcess> {
    const child = fork('test/flows/restart-server.ts', [JSON.stringify({ port: 0, ...options })], TYPESCRIPT)
    t.after(() => child.kill('SIGKILL'))
    const server = new ServerProcess(child)
    await until(() => server.port !== undefined || child.exitCode !== null)
    if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}`)
    return server
  }

  get #listening (): Told & { what: 'listening' } | undefined {
    return this.#told.find((told) => told.what === 'listening')
  }

  get port (): number { return this.#listening?.port as number }

  /** URLs of requests that are held in a slow hook. */
  get entered (): string[] {
    return this.#told.flatMap((told) => told.what === 'entered' ? [told.url] : [])
  }

  /** Broadcasts numbered events. @returns The count of subscribers after the last one. */
  async publish (from: number, to: number, { fill = 0, channel }: Partial<Publish> = {}): Promise<number> {
    const before = this.#told.length
    this.#child.send({ from, to, fill, channel } satisfies Publish)
    let published: (Told & { what: 'published' }) | undefined
    await until(() => {
      published = this.#told.slice(before).find((told) => told.what === 'published')
      return published !== undefined
    })
    return published!.subscribers
  }

  signal (signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** @returns The exit code; null if a signal killed the process. */
  async exited (): Promise<number | null> {
    const [code] = await this.#exited
    return code as number | null
  }
}
