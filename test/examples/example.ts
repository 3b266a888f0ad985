import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { RawReader, type RawAnswer } from '../flows/raw-reader.ts'

// A test that is killed, as for taking too long, would leave its server behind.
const ENDS_WITH_TEST = 'data:text/javascript,process.on("disconnect", () => process.exit()); process.channel.unref()'

const ROOT = resolve(import.meta.dirname, '../..')

/** How an example ends that was told to. */
export const CLEAN = { exit: [0, null], errors: '' }

/** What a sign-in gave: the headers that prove it. */
export type Proof = Readonly<Record<string, string>>

/** A running example, as its README paragraph starts it, on free ports. */
export class Example {
  /** Where its page is. */
  readonly page: string
  /** Where its streams are. */
  readonly origin: string
  /** Everything that it has printed so far. */
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
    const child = spawn(process.execPath, ['--import', 'tsx', '--import', ENDS_WITH_TEST, `examples/${name}/server.ts`], {
      cwd: ROOT,
      env: { ...process.env, PORT: '0', PAGES_PORT: '0', ...environment },
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
      // As Ctrl+C does it: the terminal signals npx, tsx and node, and the first two pass it on.
      child.kill(signal)
      return { exit: await exit, errors: await errors }
    })
  }

  /** Ends it, and gives its exit code, its signal, and what it complained about. */
  stop (signal: NodeJS.Signals): Promise<unknown> {
    return this.#stop(signal)
  }

  post (path: string, headers: Proof = {}, body?: object): Promise<Response> {
    if (body === undefined) return fetch(this.origin + path, { method: 'POST', headers })
    return fetch(this.origin + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
  }

  /** How many readers a message went to. */
  async say (proof: Proof, text: string, to?: string): Promise<number> {
    const response = await this.post('/messages', proof, { text, ...(to !== undefined && { to }) })
    const { readers } = await response.json() as { readers: number }
    return readers
  }

  /** A reader of which nothing has come yet. */
  async ask (proof: Proof, path = '/events'): Promise<RawReader> {
    const reader = await RawReader.connect(this.#t, Number(new URL(this.origin).port))
    return reader.ask([`GET ${path}`, ...Object.entries(proof).map(([name, value]) => `${name}: ${value}`)].join('\n'))
  }

  /** A reader whose stream is open. */
  async open (proof: Proof, path?: string): Promise<RawReader> {
    const reader = await this.ask(proof, path)
    await reader.sees(({ answers: [answer] }) => answer?.complete === true || answer?.body.includes('sse.open') === true)
    const { status, body } = reader.answers[0]!
    if (status !== 200) throw new Error(`${status}: ${body}`)
    return reader
  }

  /** The answer to a reader that gets no stream. */
  async refused (proof: Proof, path?: string): Promise<RawAnswer> {
    const reader = await this.ask(proof, path)
    await reader.sees(({ answers: [answer] }) => answer?.complete === true)
    return reader.answers[0]!
  }
}

/** The cookies that an answer sets. */
export function cookieOf (response: Response): Proof {
  return { cookie: response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ') }
}

/** The texts of the messages that a reader has got. */
export function textsOf ({ events }: RawReader): string[] {
  return events.filter(({ event }) => event === undefined).map(({ data }) => (JSON.parse(data) as { text: string }).text)
}

/** The last thing that a reader got, once its answer is complete. */
export async function endOf (reader: RawReader): Promise<{ event?: string | undefined, data: string } | undefined> {
  await reader.sees(({ answers: [answer] }) => answer?.complete === true)
  const last = reader.events.at(-1)
  return last && { event: last.event, data: last.data }
}

/** A plain answer, which no reader of event streams could take for one. */
export function isPlain ({ headers, body }: RawAnswer): boolean {
  return headers['content-type']?.[0]?.startsWith('application/json') === true && !body.includes('sse.open')
}
