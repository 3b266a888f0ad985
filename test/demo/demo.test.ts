import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import t, { type Test } from 'tap'
import { HELP, readOptions } from '../../demo/options.ts'
import { TYPESCRIPT } from '../support/child.ts'

interface LogLine {
  readonly msg: string
  readonly streams?: string
  readonly pages?: string
  readonly subscribers?: number
}

interface Demo {
  readonly child: ChildProcess
  readonly streams: string
  readonly pages: string
  readonly logged: LogLine[]
}

/** The options of Node in `npm start`. */
const AS_STARTED = ['--import', 'tsx']

function run (t: Test, args: string[], environment: Record<string, string> = {}, options: readonly string[] = TYPESCRIPT.execArgv): ChildProcess {
  const child = spawn(process.execPath, [...options, 'demo/server.ts', ...args], {
    env: { ...TYPESCRIPT.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

/** Runs a command line and waits for its exit. */
async function ends (t: Test, args: string[], environment?: Record<string, string>): Promise<{ code: number, out: string, err: string }> {
  const child = run(t, args, environment)
  const [out, err, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')])
  return { code, out, err }
}

/** Starts the demo on free ports. @returns Its process, once it listens. */
async function open (t: Test, options?: readonly string[]): Promise<Demo> {
  const child = run(t, ['--port', '0', '--other-port', '0'], {}, options)
  child.stderr!.pipe(process.stderr)
  const logged: LogLine[] = []
  const lines = createInterface(child.stdout!)
  lines.on('line', (line) => logged.push(JSON.parse(line)))
  const { streams, pages } = await logs(logged, (line) => line.streams !== undefined)
  return { child, streams: streams!, pages: pages!, logged }
}

async function logs (logged: LogLine[], passes: (line: LogLine) => boolean, milliseconds = 20_000): Promise<LogLine> {
  const deadline = performance.now() + milliseconds
  while (performance.now() < deadline) {
    const line = logged.find(passes)
    if (line !== undefined) return line
    await sleep(20)
  }
  throw new Error(`The log line did not come; there are ${JSON.stringify(logged)}`)
}

/** Opens a stream; resolves with its head, and a promise of the first event that passes. */
async function connect (url: string, passes: (event: EventSourceMessage) => boolean): Promise<{ first: Promise<EventSourceMessage> }> {
  const { body } = await fetch(url, { headers: { accept: 'text/event-stream' }, signal: AbortSignal.timeout(10_000) })
  const first = async (): Promise<EventSourceMessage> => {
    const came: EventSourceMessage[] = []
    const parser = createParser({ onEvent: (event) => came.push(event) })
    for await (const piece of body!.pipeThrough(new TextDecoderStream())) {
      parser.feed(piece)
      const event = came.find(passes)
      if (event !== undefined) return event
    }
    throw new Error(`The stream ended after ${JSON.stringify(came)}`)
  }
  return { first: first() }
}

async function firstEvent (url: string, passes: (event: EventSourceMessage) => boolean): Promise<EventSourceMessage> {
  const { first } = await connect(url, passes)
  return first
}

function post (url: string, body: string): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

t.test('--help names every option and starts no server', async (t) => {
  const { code, out } = await ends(t, ['--help'])
  t.equal(code, 0)
  t.equal(out, HELP)
  for (const option of ['--port', '--other-port', '--host', '--broker', '--log-level', 'DEMO_PORT', 'DEMO_OTHER_PORT', 'DEMO_HOST', 'DEMO_BROKER', 'DEMO_LOG_LEVEL']) t.match(out, option)
})

t.test('a wrong option prints one line that names it and exits with 1', async (t) => {
  for (const [args, environment, message] of [
    [['--port', 'http'], {}, /^--port is a number from 0 to 65535; it is "http"$/],
    [['--broker', 'redis'], {}, /^--broker is memory, redis:\/\/HOST:PORT or sqlite:FILE; it is "redis"$/],
    [[], { DEMO_LOG_LEVEL: 'loud' }, /^--log-level is one of .*; it is "loud"$/]
  ] as const) t.throws(() => readOptions([...args], environment), { message })
  for (const [args, environment, line] of [
    [[], { DEMO_OTHER_PORT: '65536' }, /^--other-port is a number from 0 to 65535; it is "65536"\n$/],
    [['--colour'], {}, /^Unknown option '--colour'.*--help.*\n$/]
  ] as const) {
    const { code, err } = await ends(t, [...args], environment)
    t.equal(code, 1)
    t.match(err, line)
  }
})

t.test('a port in use prints one line that says so and exits with 1', async (t) => {
  const server = createServer().listen(0, 'localhost')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  for (const args of [['--port', `${port}`, '--other-port', '0'], ['--port', '0', '--other-port', `${port}`]]) {
    const { code, err } = await ends(t, args)
    t.equal(code, 1)
    t.equal(err, `Port ${port} is in use: stop the program that uses it, or choose another with --port or --other-port\n`)
  }
})

/** Proves that a demo with 100 open streams ends at once and cleanly. */
async function endsBy (t: Test, signal: NodeJS.Signals, { child, streams }: Demo): Promise<void> {
  const bodies = await Promise.all(Array.from({ length: 100 }, async () => {
    const response = await fetch(`${streams}/events`)
    t.equal(response.status, 200)
    return response.body!
  }))
  const end = once(child, 'exit')
  const since = performance.now()
  child.kill(signal)
  // Ctrl+C sends the signal twice: the terminal signals npm, tsx and node, and the first two forward it.
  child.kill(signal)
  t.strictSame(await end, [0, null])
  t.ok(performance.now() - since < 2000, `after ${Math.round(performance.now() - since)} ms`)
  await Promise.all(bodies.map((body) => text(body)))
  t.pass('every stream has ended cleanly')
}

t.test('SIGINT with 100 open streams ends the demo within two seconds with exit code 0', async (t) => endsBy(t, 'SIGINT', await open(t)))

t.test('the running demo', async (t) => {
  const demo = await open(t, AS_STARTED)
  const { streams, pages, logged } = demo

  await t.test('the first unnamed event arrives within three seconds, as text with the local time', async (t) => {
    const since = performance.now()
    const { data } = await firstEvent(`${streams}/events`, ({ event }) => event === undefined)
    t.ok(performance.now() - since < 3000)
    t.match(data, /^send data: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
  })

  await t.test('the log shows the number of subscribers', async (t) => {
    t.match(await logs(logged, ({ subscribers }) => subscribers === 1), { msg: '1 subscriber' })
  })

  await t.test('the event `machine` holds the time, load, memory and event-loop delay', async (t) => {
    const { data } = await firstEvent(`${streams}/events`, ({ event }) => event === 'machine')
    const { at, load, memory, eventLoopDelay } = JSON.parse(data)
    t.ok(Math.abs(Date.now() - at) < 5000, 'now')
    t.ok(load.average >= 0 && load.cpus >= 1, 'its load')
    t.ok(memory.used > 0 && memory.used < memory.total, 'its memory')
    t.ok(eventLoopDelay >= 0 && eventLoopDelay < 5000, 'its event-loop delay')
  })

  await t.test('the stream continues the samples of /machine without a break', async (t) => {
    const { lastEventId, newest } = await (await fetch(`${streams}/machine`)).json() as { lastEventId: string, newest: Array<{ at: number }> }
    const { data } = await firstEvent(`${streams}/events?lastEventId=${lastEventId}`, ({ event }) => event === 'machine')
    const step = JSON.parse(data).at - newest.at(-1)!.at
    t.ok(step > 500 && step < 1900, `the next sample, one second later; it is ${step} ms`)
  })

  await t.test('a note posted as JSON is broadcast', async (t) => {
    const { first } = await connect(`${streams}/events`, ({ event }) => event === 'note')
    const response = await post(`${streams}/notes`, JSON.stringify({ author: 'test', text: 'hello', undeclared: true }))
    t.equal(response.status, 201)
    const { id } = await response.json() as { id: string }
    t.match(await first, { id, data: '{"author":"test","text":"hello"}' }, 'undeclared properties are left out')
  })

  await t.test('a note that violates its schema gets 400 and the list of failures', async (t) => {
    const response = await post(`${streams}/notes`, JSON.stringify({ author: 'x'.repeat(41) }))
    t.equal(response.status, 400)
    const { code, failures } = await response.json() as { code: string, failures: Array<{ path: string, rule: string, value: unknown }> }
    t.equal(code, 'FST_SSE_PAYLOAD_INVALID')
    const byPath = Object.fromEntries(failures.map((failure) => [failure.path, failure]))
    t.match(byPath['/author'], { rule: /40/, value: 'x'.repeat(41) })
    t.match(byPath['/text'], { rule: /required/i, value: null })
    t.equal(failures.length, 2)
  })

  await t.test('a body that is not a JSON object gets 400', async (t) => {
    for (const body of ['null', '[]', '"text"', '{']) t.equal((await post(`${streams}/notes`, body)).status, 400, body)
  })

  await t.test('both origins serve the pages with a policy that allows no inline script', async (t) => {
    for (const origin of [streams, pages]) {
      for (const path of ['/', '/unnamed.html', '/named.html', '/other-origin.html', '/credentials.html', '/comes-back.html', '/answer.html']) {
        const response = await fetch(origin + path)
        t.equal(response.status, 200, origin + path)
        t.match(response.headers.get('content-security-policy'), /^default-src 'self';/)
        t.notMatch(await response.text(), /<script(?![^>]* src=)|<style| style=| on[a-z]+=/, 'no inline script or style')
      }
    }
  })

  await t.test('only a page of the second origin with the cookie may read the members\' stream', async (t) => {
    const signIn = (origin: string): Promise<Response> => fetch(`${streams}/members/sign-in`, {
      method: 'POST', headers: { origin, 'content-type': 'application/x-www-form-urlencoded' }, redirect: 'manual'
    })
    t.equal((await signIn('http://elsewhere.example')).status, 403, 'a page of another origin cannot sign in')
    const signedIn = await signIn(pages)
    t.equal(signedIn.status, 303)
    t.equal(signedIn.headers.get('location'), `${pages}/credentials.html`)
    const cookie = signedIn.headers.get('set-cookie')!
    t.match(cookie, /; HttpOnly; SameSite=Lax/)

    const read = (headers: Record<string, string>): Promise<Response> => fetch(`${streams}/members/events`, { headers: { origin: pages, ...headers }, signal: AbortSignal.timeout(5000) })
    t.equal((await read({})).status, 401, 'without the cookie')
    t.equal((await read({ cookie: 'demo-pass=guessed' })).status, 401, 'with a cookie of another value')
    const response = await read({ cookie: cookie.split(';')[0]! })
    t.equal(response.status, 200, 'with the cookie')
    t.equal(response.headers.get('access-control-allow-origin'), pages)
    t.equal(response.headers.get('access-control-allow-credentials'), 'true')
    await response.body!.cancel()
  })

  await t.test('an outage ends the open streams and answers 503 until it is over', async (t) => {
    const stream = await fetch(`${streams}/events`)
    t.equal((await post(`${streams}/outage`, '{"seconds":0}')).status, 400)
    t.match(await (await post(`${streams}/outage`, '{"seconds":1}')).json(), { seconds: 1 })
    await text(stream.body!)
    t.pass('the stream has ended')
    const refused = await fetch(`${streams}/events`)
    t.equal(refused.status, 503)
    t.equal(refused.headers.get('retry-after'), '1')
    t.equal((await fetch(`${streams}/config.json`)).status, 200, 'the pages are served meanwhile')
    let status = 503
    for (const deadline = performance.now() + 5000; status === 503 && performance.now() < deadline; await sleep(50)) {
      const response = await fetch(`${streams}/events`)
      status = response.status
      await response.body!.cancel()
    }
    t.equal(status, 200)
  })

  await t.test('SIGTERM with 100 open streams ends the demo within two seconds with exit code 0', (t) => endsBy(t, 'SIGTERM', demo))
})
