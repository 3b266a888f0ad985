import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { RawReader, type RawAnswer } from '../flows/raw-reader.ts'
import { TYPESCRIPT } from '../support/child.ts'

// Otherwise a test that is killed by its timeout would leave its server running.
const ENDS_WITH_TEST = 'data:text/javascript,process.on("disconnect", () => process.exit()); process.channel.unref()'

const ROOT = resolve(import.meta.dirname, '../..')

/** The outcome of a clean stop. */
export const CLEAN = { exit: [0, null], errors: '' }

/** The headers that prove a sign-in. */
export type Proof = Readonly<Record<string, string>>

/** A running example, started as its section of the README says, on free ports. */
export class Example {
  /** The URL of its page. */
  readonly page: string
  /** The origin of its streams. */
  readonly origin: string
  /** All lines that it has printed so far. */
  readonly printed: string[]
  readonly #t: Test
  readonly #stop: (signal: NodeJS.Signals) => Promise<unknown>

  private constructor (t: Test, page: string, origin: string, printed: string[], stop: (signal: NodeJS.Signals) => Promise<unknown>) {
    this.#t = t
    this.page = page
    this.origin = origin
    this.printed = printed
    this.#stop = stop
  }

  static async start (t: Test, name: string, environment: Record<string, string> = {}): Promise<Example> {
    // With all of tsx, as `npx tsx` does.
    const child = spawn(process.execPath, ['--import', 'tsx', '--import', ENDS_WITH_TEST, `examples/${name}/server.ts`], {
      cwd: ROOT,
      env: { ...TYPESCRIPT.env, PORT: '0', PAGES_PORT: '0', ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc']
    })
    t.after(() => child.kill('SIGKILL'))
    const errors = text(child.stderr!)
    const exit = once(child, 'exit')
    const printed: string[] = []
    const lines = createInterface(child.stdout!).on('line', (line) => printed.push(line))
    const find = (pattern: RegExp): string | undefined => pattern.exec(printed.join('\n'))?.[1]
    while (find(/"open (http:[^"]+)"/) === undefined) {
      if (await Promise.race([once(lines, 'line'), exit.then(() => 'exit')]) === 'exit') throw new Error(`It ended: ${await errors}`)
    }
    return new Example(t, find(/"open (http:[^"]+)"/)!, find(/"Server listening at (http:[^"]+)"/)!, printed, async (signal) => {
      child.kill(signal)
      // Ctrl+C sends the signal twice: the terminal signals npx, tsx and node, and the first two forward it.
      child.kill(signal)
      return { exit: await exit, errors: await errors }
    })
  }

  /** Stops the example. @returns Its exit code, its signal and its error output. */
  stop (signal: NodeJS.Signals): Promise<unknown> {
    return this.#stop(signal)
  }

  post (path: string, headers: Proof = {}, body?: object): Promise<Response> {
    if (body === undefined) return fetch(this.origin + path, { method: 'POST', headers })
    return fetch(this.origin + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
  }

  /** Posts a message. @returns The number of readers that it went to. */
  async say (proof: Proof, text: string, to?: string): Promise<number> {
    const response = await this.post('/messages', proof, { text, ...(to !== undefined && { to }) })
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
    const { readers } = await response.json() as { readers: number }
    return readers
  }

  /** Sends a request for a stream, without waiting for the response. */
  async ask (proof: Proof, path = '/events'): Promise<RawReader> {
    const reader = await RawReader.connect(this.#t, Number(new URL(this.origin).port))
    return reader.ask([`GET ${path}`, ...Object.entries(proof).map(([name, value]) => `${name}: ${value}`)].join('\n'))
  }

  /** Opens a stream. @throws when the status is not 200. */
  async open (proof: Proof, path?: string): Promise<RawReader> {
    const reader = await this.ask(proof, path)
    await reader.sees(({ answers: [answer] }) => answer?.complete === true || answer?.body.includes('sse.open') === true)
    const { status, body } = reader.answers[0]!
    if (status !== 200) throw new Error(`${status}: ${body}`)
    return reader
  }

  /** The response to a reader that gets no stream. */
  async refused (proof: Proof, path?: string): Promise<RawAnswer> {
    const reader = await this.ask(proof, path)
    await reader.sees(({ answers: [answer] }) => answer?.complete === true)
    return reader.answers[0]!
  }
}

/** The cookies that a response sets. */
export function cookieOf (response: Response): Proof {
  return { cookie: response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ') }
}

/** The texts of the messages that a reader has received. */
export function textsOf ({ events }: RawReader): string[] {
  return events.filter(({ event }) => event === undefined).map(({ data }) => (JSON.parse(data) as { text: string }).text)
}

/** The last event of a reader, once its response is complete. */
export async function endOf (reader: RawReader): Promise<{ event?: string | undefined, data: string } | undefined> {
  await reader.sees(({ answers: [answer] }) => answer?.complete === true)
  const last = reader.events.at(-1)
  return last && { event: last.event, data: last.data }
}

/** True for a JSON response without any part of an event stream. */
export function isPlain ({ headers, body }: RawAnswer): boolean {
  return headers['content-type']?.[0]?.startsWith('application/json') === true && !body.includes('sse.open')
}
