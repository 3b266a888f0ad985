import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Agent } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { PassThrough, type Readable } from 'node:stream'
import { EventSource } from 'eventsource'
import { createParser } from 'eventsource-parser'
import t, { type Test } from 'tap'
import { notInstalled } from '../support/system.ts'
import { CodedReader } from './coded-reader.ts'
import { start, type Journey } from './journey.ts'
import { parseEvents, RawReader, turn, until } from './raw-reader.ts'

const COMPRESS = { compress: { minBytes: 100 }, heartbeatInterval: false } as const

const PAYLOADS = ['short', 'the same again, '.repeat(60), '\u{1f600}'.repeat(40_000)]

/** Broadcasts events one by one, each after the one before was read, then ends all streams. */
async function checkReads (t: Test, { app }: Journey, heard: () => string[]): Promise<void> {
  for (const [n, payload] of PAYLOADS.entries()) {
    await app.sse.broadcast('message', payload)
    await until(() => heard().length > n)
    t.ok(heard()[n] === payload, `${payload.length} characters`)
  }
  for (const subscriber of app.sse.subscribers()) subscriber.close()
}

/** The body of a response that has neither chunks nor a length. */
async function unframedBody (reader: RawReader): Promise<Readable> {
  await reader.sees(({ bytes }) => bytes.includes('\r\n\r\n'))
  const { bytes } = reader
  const body = new PassThrough()
  body.write(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4))
  reader.socket.pipe(body)
  return body
}

/** The body bytes of the last response on a connection, which is chunked and complete. */
function lastBody (bytes: Buffer): Buffer {
  const pieces: Buffer[] = []
  let at = bytes.indexOf('\r\n\r\n', bytes.lastIndexOf('HTTP/1.1 200 ')) + 4
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const length = parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (!(length > 0)) return Buffer.concat(pieces)
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length))
    at = lineEnd + 2 + length + 2
  }
}

t.test('each event can be read on arrival, and the end is clean,', async (t) => {
  t.test('over HTTP/1.0, where the end of the connection is the end of the stream', async (t) => {
    const journey = await start(t, COMPRESS)
    const raw = (await RawReader.connect(t, journey.port)).ask('GET /events HTTP/1.0\naccept-encoding: gzip')
    const body = await unframedBody(raw)
    const { headers } = raw.answers[0]!
    t.strictSame([headers['content-encoding'], headers['transfer-encoding']], [['gzip'], undefined])
    const reader = new CodedReader({ 'content-encoding': 'gzip' }, body)
    await checkReads(t, journey, () => reader.heard())
    await reader.seesWhole()
  })

  t.test('over HTTP/2, next to an uncompressed stream of the same connection', async (t) => {
    const journey = await start(t, COMPRESS, { ofServer: { http2: true, forceCloseConnections: true } as object })
    const session = connectHttp2(`http://127.0.0.1:${journey.port}`)
    t.after(() => session.destroy())
    const [coded, plain] = await Promise.all(['gzip', 'br'].map(async (accepts) => {
      const stream = session.request({ ':path': '/events', 'accept-encoding': accepts })
      const headers = await new Promise<object>((resolve) => stream.once('response', resolve))
      return new CodedReader({ ...headers }, stream)
    })) as [CodedReader, CodedReader]
    t.strictSame([coded.coding, plain.coding], ['gzip', undefined])
    await checkReads(t, journey, () => coded.heard().length <= plain.heard().length ? coded.heard() : plain.heard())
    await Promise.all([coded.seesWhole(), plain.seesWhole()])
    t.equal(coded.text, plain.text.replace(/^retry: \d+/, /^retry: \d+/.exec(coded.text)![0]))
  })

  t.test('in an injected request', async (t) => {
    const journey = await start(t, COMPRESS)
    const response = await journey.app.inject({ url: '/events', headers: { 'accept-encoding': 'gzip' }, payloadAsStream: true })
    const reader = new CodedReader(response.headers, response.stream() as Readable)
    t.equal(reader.coding, 'gzip')
    await checkReads(t, journey, () => reader.heard())
    await reader.seesWhole()
  })

  t.test('in a pipelined request whose turn comes later', async (t) => {
    const journey = await start(t, COMPRESS)
    const { app, opened } = journey
    const raw = (await RawReader.connect(t, journey.port)).ask('GET /events', 'GET /events\naccept-encoding: gzip')
    await until(() => opened.length === 2)
    for (const payload of PAYLOADS) await app.sse.broadcast('message', payload)
    opened[0]!.close()
    await raw.sees(({ answers }) => answers.length === 2)
    await app.sse.broadcast('message', 'after its turn came')
    opened[1]!.close()
    await raw.sees(({ answers: [, second] }) => second?.complete === true)
    t.strictSame(raw.answers[1]!.headers['content-encoding'], ['gzip'])
    const body = new PassThrough()
    const reader = new CodedReader({ 'content-encoding': 'gzip' }, body)
    body.end(lastBody(raw.bytes))
    t.strictSame((await reader.seesWhole()).heard(), [...PAYLOADS, 'after its turn came'])
  })
})

t.test('a connection takes another request after a gzip stream has ended on it', async (t) => {
  const journey = await start(t, COMPRESS)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  for (let n = 0; n < 3; n++) {
    const reader = await CodedReader.open(t, journey.port, { accepts: n === 1 ? 'identity' : 'gzip', agent })
    await checkReads(t, journey, () => reader.heard())
    await reader.seesWhole()
    // The agent gets the socket back in the next turn.
    await turn()
  }
  t.equal(journey.sockets.length, 1)
})

t.test('every event is read on arrival by', async (t) => {
  /** Records the content coding of each response. */
  const startNoting = async (t: Test): Promise<Journey & { readonly codings: unknown[] }> => {
    const codings: unknown[] = []
    const journey = await start(t, COMPRESS, {
      prepare: (app) => app.addHook('onRequest', async (_request, { raw }) => { raw.once('close', () => codings.push(raw.getHeader('content-encoding'))) })
    })
    return { ...journey, codings }
  }

  t.test('`curl --compressed`', { skip: existsSync('/usr/bin/curl') ? false : notInstalled('curl') }, async (t) => {
    const journey = await startNoting(t)
    const curl = spawn('/usr/bin/curl', ['--compressed', '--no-buffer', '--silent', '--show-error', '--fail', `http://127.0.0.1:${journey.port}/events`])
    t.after(() => { curl.kill() })
    const exited = new Promise((resolve) => curl.once('exit', resolve))
    let text = ''
    let errors = ''
    curl.stdout.setEncoding('utf8').on('data', (piece: string) => { text += piece })
    curl.stderr.setEncoding('utf8').on('data', (piece: string) => { errors += piece })
    await until(() => text.includes('sse.open') || errors !== '')
    await checkReads(t, journey, () => parseEvents(text).slice(1).map(({ data }) => data))
    t.strictSame([await exited, errors], [0, ''], 'curl accepts the end as clean')
    await until(() => journey.codings.length === 1)
    t.strictSame(journey.codings, ['gzip'], 'the response is gzip')
  })

  t.test('`fetch` with `eventsource-parser`', async (t) => {
    const journey = await startNoting(t)
    const heard: string[] = []
    const parser = createParser({ onEvent: ({ event, data }) => { if (event === undefined) heard.push(data) } })
    const { body, headers } = await fetch(`http://127.0.0.1:${journey.port}/events`)
    t.equal(headers.get('content-encoding'), 'gzip')
    const read = (async () => {
      const utf8 = new TextDecoder()
      for await (const piece of body!) parser.feed(utf8.decode(piece, { stream: true }))
    })()
    await checkReads(t, journey, () => heard)
    await read
    await until(() => journey.codings.length === 1)
    t.strictSame(journey.codings, ['gzip'], 'the response is gzip')
  })

  t.test('the package `eventsource`, which resumes where it stopped', async (t) => {
    const journey = await startNoting(t)
    const { app } = journey
    app.sse.setReconnectionTime(10)
    const source = new EventSource(`http://127.0.0.1:${journey.port}/events`)
    t.after(() => source.close())
    const heard: string[] = []
    let opens = 0
    source.onmessage = ({ data }) => { heard.push(data) }
    source.addEventListener('sse.open', () => { opens++ })
    await until(() => opens === 1)
    await checkReads(t, journey, () => heard)
    await until(() => app.sse.count() === 0)
    await until(() => journey.codings.length === 1)
    t.strictSame(journey.codings, ['gzip'], 'the response is gzip')
    for (const payload of PAYLOADS) await app.sse.broadcast('message', payload)
    await until(() => heard.length === 6)
    t.ok(heard.every((data, at) => data === PAYLOADS[at % 3]))
  })
})
