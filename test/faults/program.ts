import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

// Programs of their own process, which may be stopped, starved or cut off without harm to the test; and how a test speaks to them.

/** What a program does when it is told, by name. */
export type Commands = Record<string, (...parameters: never[]) => unknown>

interface Order {
  readonly number: number
  readonly name: string
  readonly parameters: never[]
}

interface Answer {
  readonly number: number
  readonly value?: unknown
  readonly error?: string
}

/** In the program: does what it is told, and ends with the test. */
export function obey (commands: Commands): void {
  const answer = (what: Answer): void => { if (process.connected) process.send!(what) }
  process.on('message', ({ number, name, parameters }: Order) => {
    void Promise.resolve().then(() => commands[name]!(...parameters)).then(
      (value) => answer({ number, value }),
      (error: Error) => answer({ number, error: String(error.stack) })
    )
  })
  process.on('disconnect', () => process.exit())
  answer({ number: 0 })
}

export interface ProgramOptions {
  /** Of Node. */
  readonly nodeOptions?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** In a network of its own, which goes with it. */
  readonly alone?: boolean
  /** In the network of the program with this process id. */
  readonly within?: number
}

interface AfterTest {
  after (callback: () => unknown): void
  fail (message: string): unknown
}

/** A program that runs; it must not end before its test does. */
export class Program<C extends Commands> {
  readonly #child: ChildProcess
  readonly #pending = new Map<number, (answer: Answer) => void>()
  #orders = 0

  private constructor (t: AfterTest, child: ChildProcess) {
    this.#child = child
    child.on('message', (answer: Answer) => {
      this.#pending.get(answer.number)?.(answer)
      this.#pending.delete(answer.number)
    })
    const ended = (code: number | null, signal: string | null): void => {
      t.fail(`a program ended by itself: ${code ?? signal}`)
      for (const [number, resolve] of this.#pending) resolve({ number, error: 'The program ended' })
    }
    child.once('exit', ended)
    t.after(async () => {
      child.off('exit', ended)
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    })
  }

  /** Starts a program that stands beside this file. */
  static async start<C extends Commands> (t: AfterTest, file: string, options: ProgramOptions = {}): Promise<Program<C>> {
    const { nodeOptions = [], env = {}, alone = false, within } = options
    // Both become the program, so its process id and its channel are those of the child.
    const entry = alone ? ['unshare', '--net'] : within === undefined ? [] : ['nsenter', '--target', String(within), '--net']
    const [execPath, ...execArgv] = [...entry, process.execPath, ...nodeOptions, '--import', 'tsx']
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
      serialization: 'advanced',
      env: { ...process.env, ...env },
      execPath: execPath!,
      execArgv
    })
    const program = new Program<C>(t, child)
    await new Promise((resolve) => program.#pending.set(0, resolve))
    return program
  }

  get pid (): number { return this.#child.pid! }

  /** Has it do something. */
  async call<K extends keyof C & string> (name: K, ...parameters: Parameters<C[K]>): Promise<Awaited<ReturnType<C[K]>>> {
    const number = ++this.#orders
    const answer = new Promise<Answer>((resolve) => this.#pending.set(number, resolve))
    this.#child.send({ number, name, parameters } satisfies Order)
    const { value, error } = await answer
    if (error !== undefined) throw new Error(`${name}: ${error}`)
    return value as Awaited<ReturnType<C[K]>>
  }

  signal (signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }
}

/** Asks again and again until something holds, and gives what it saw then. */
export async function untilSeen<T> (look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  let seen = await look()
  while (!holds(seen)) {
    await pause(20)
    seen = await look()
  }
  return seen
}

/** Only for what is itself a matter of time: how long somebody is away. */
export function pause (milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
