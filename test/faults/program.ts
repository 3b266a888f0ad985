import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { bundle } from '../support/bundle.ts'
import { MEASURED } from '../support/child.ts'

// Programs in separate processes, which a test can stop, starve or cut off without harm to itself, and the calls to them.

/** The functions of a program that a test can call, by name. */
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

/** Runs in the program: executes the calls of the test, and exits when the test does. */
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
  /** Command-line options of Node. */
  readonly nodeOptions?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** True for a separate network namespace, which ends with the program. */
  readonly alone?: boolean
  /** The process id of another program whose network namespace this one joins. */
  readonly within?: number
}

interface AfterTest {
  after (callback: () => unknown): void
  fail (message: string): unknown
}

/** A running program; the test fails if the program ends first. */
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

  /** Starts a program from this folder. */
  static async start<C extends Commands> (t: AfterTest, file: string, options: ProgramOptions = {}): Promise<Program<C>> {
    const { nodeOptions = [], env = {}, alone = false, within } = options
    // `unshare` and `nsenter` become the program: the child keeps its process id and its channel.
    const entry = alone ? ['unshare', '--net'] : within === undefined ? [] : ['nsenter', '--target', String(within), '--net']
    const [execPath, ...execArgv] = [...entry, process.execPath, ...nodeOptions]
    const child = fork(await bundle(fileURLToPath(new URL(file, import.meta.url))), {
      serialization: 'advanced',
      env: { ...MEASURED.env, ...env },
      execPath: execPath!,
      execArgv
    })
    const program = new Program<C>(t, child)
    await new Promise((resolve) => program.#pending.set(0, resolve))
    return program
  }

  get pid (): number { return this.#child.pid! }

  /** Calls a function of the program. */
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

/** Polls until a predicate holds. @returns The state for which it held. */
export async function untilSeen<T> (look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  let seen = await look()
  while (!holds(seen)) {
    await pause(20)
    seen = await look()
  }
  return seen
}

/** Real time: only where the duration is part of the claim. */
export function pause (milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
