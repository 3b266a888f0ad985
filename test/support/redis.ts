import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './free-port.ts'

interface AfterTest {
  after: (callback: () => unknown) => void
}

/** False if redis-server is installed; otherwise the reason to skip a test. */
export function noRedis (): boolean {
  return spawnSync('redis-server', ['--version']).error !== undefined
}

/** A real redis-server on a free port, with its files in a folder of its own. */
export class RedisServer {
  readonly port: number
  readonly #folder = mkdtempSync(join(tmpdir(), 'redis-'))
  readonly #options: readonly string[]
  #child: ChildProcess | undefined

  private constructor (port: number, options: readonly string[]) {
    this.port = port
    this.#options = options
  }

  /**
   * Starts a server, which ends with the test.
   *
   * @param options Arguments of redis-server, such as `--appendonly yes`.
   */
  static async start (t: AfterTest, options: readonly string[] = []): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options)
    t.after(async () => {
      await server.kill()
      rmSync(server.#folder, { recursive: true, force: true })
    })
    await server.start()
    return server
  }

  get url (): string { return `redis://127.0.0.1:${this.port}` }

  get pid (): number { return this.#child!.pid! }

  /**
   * Starts the server again, with the files that it left.
   *
   * @param prepare Called with a connection before anything else can connect.
   */
  async start (prepare?: (client: Redis) => Promise<unknown>): Promise<void> {
    const path = join(this.#folder, 'socket')
    const place = prepare === undefined ? { port: this.port, host: '127.0.0.1' } : { path }
    this.#child = spawn('redis-server', [
      '--port', prepare === undefined ? String(this.port) : '0', '--unixsocket', path, '--bind', '127.0.0.1', '--dir', this.#folder, '--save', '',
      ...this.#options
    ], { stdio: 'ignore' })
    await once(this.#child, 'spawn')
    // Ready when it answers, which takes longer while it loads a file.
    for (;;) {
      const client = new Redis({ ...place, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
      client.on('error', () => {})
      try {
        await client.connect()
        if (await client.ping() !== 'PONG') continue
        if (prepare !== undefined) {
          await prepare(client)
          await client.config('SET', 'port', this.port)
        }
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20))
      } finally {
        client.disconnect()
      }
    }
  }

  /** Ends the server without letting it finish anything. */
  async kill (): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    // A stopped process ends only when it goes on.
    child.kill('SIGCONT')
    await once(child, 'exit')
  }

  /** Stops the process, with its connections open, until `go`. */
  stop (): void {
    this.#child!.kill('SIGSTOP')
  }

  go (): void {
    this.#child!.kill('SIGCONT')
  }

  /** Calls a function with a connection of its own. */
  async with<T> (use: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(this.port, '127.0.0.1')
    try {
      return await use(client)
    } finally {
      client.disconnect()
    }
  }
}
