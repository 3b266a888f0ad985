import { HttpAgent, type BaseEvent } from '@ag-ui/client'
import { fetchEventSource } from '@microsoft/fetch-event-source'
import { DefaultChatTransport, readUIMessageStream, type UIMessage, type UIMessageChunk } from 'ai'
import OpenAI from 'openai'
import t, { type Test } from 'tap'
import { read } from '../../examples/parser/read.ts'
import { CuttingProxy } from './cutting-proxy.ts'
import { CLEAN, Example } from './example.ts'

// The answers of the examples, read by the clients that they are made for.

const QUICK = { PACE: '5', WORDS: '40' }
const QUESTION = 'Why is the sky blue?'

/** The words of an answer. */
const wordsOf = (text: string): string[] => text.trim().split(' ')

function question (id: string): UIMessage {
  return { id, role: 'user', parts: [{ type: 'text', text: QUESTION }] }
}

async function textOf (stream: ReadableStream<UIMessageChunk>): Promise<string> {
  let text = ''
  for await (const { parts } of readUIMessageStream({ stream, terminateOnError: true })) text = parts.map((part) => part.type === 'text' ? part.text : '').join('')
  return text
}

t.test('ai-sdk: `useChat` gets its answer, resumes it after a reload, and gets 204 when nothing runs', async (t) => {
  const example = await Example.start(t, 'ai-sdk', QUICK)
  const proxy = await CuttingProxy.start(t, example.origin, 'text-delta', 10)
  const send = (origin: string, chatId: string): Promise<ReadableStream<UIMessageChunk>> => new DefaultChatTransport({ api: `${origin}/api/chat` })
    .sendMessages({ chatId, messageId: undefined, messages: [question('1')], trigger: 'submit-message', abortSignal: undefined })
  const whole = await textOf(await send(example.origin, 'a'))
  t.equal(wordsOf(whole).length, 40)

  await t.rejects(textOf(await send(proxy.origin, 'b')), 'a page that is cut off')
  const reloaded = new DefaultChatTransport({ api: `${proxy.origin}/api/chat` })
  const rest = await reloaded.reconnectToStream({ chatId: 'b' })
  t.equal(await textOf(rest!), whole, 'the whole answer, whatever had come before')
  t.equal(await reloaded.reconnectToStream({ chatId: 'b' }), null, 'nothing runs')
  t.equal(await reloaded.reconnectToStream({ chatId: 'unknown' }), null)

  const chunks: UIMessageChunk[] = []
  const stopped = await send(example.origin, 'c')
  for await (const chunk of stopped) {
    if (chunks.push(chunk) === 5) t.strictSame(await (await fetch(`${example.origin}/api/chat/c`, { method: 'DELETE' })).json(), { stopped: true })
  }
  t.ok(chunks.length < 30, `${chunks.length} chunks`)
  t.strictSame(await example.stop('SIGTERM'), CLEAN)
})

t.test('openai: the SDK reads the answer, and takes no part of it for the whole', async (t) => {
  const example = await Example.start(t, 'openai', QUICK)
  const proxy = await CuttingProxy.start(t, example.origin, '"content"', 10)
  const ask = async (origin: string): Promise<{ text: string, reason: string | null }> => {
    const client = new OpenAI({ apiKey: 'none', baseURL: `${origin}/v1`, maxRetries: 0 })
    const stream = await client.chat.completions.create({ model: 'words', stream: true, messages: [{ role: 'user', content: QUESTION }] })
    let text = ''
    let reason: string | null = null
    for await (const { choices: [choice] } of stream) {
      text += choice!.delta.content ?? ''
      reason = choice!.finish_reason ?? reason
    }
    return { text, reason }
  }
  const { text, reason } = await ask(example.origin)
  t.strictSame([wordsOf(text).length, reason], [40, 'stop'])
  await t.rejects(ask(proxy.origin))
  t.equal(proxy.cuts, 1)
  t.strictSame(await example.stop('SIGTERM'), CLEAN)
})

t.test('ag-ui: the agent gets its messages, and an answer that is cut off is an error', async (t) => {
  const example = await Example.start(t, 'ag-ui', QUICK)
  const proxy = await CuttingProxy.start(t, example.origin, 'TEXT_MESSAGE_CONTENT', 10)
  const ask = async (origin: string): Promise<BaseEvent[]> => {
    const agent = new HttpAgent({ url: `${origin}/agent`, initialMessages: [{ id: '1', role: 'user', content: QUESTION }] })
    const seen: BaseEvent[] = []
    await agent.runAgent({}, { onEvent: ({ event }) => { seen.push(event) } })
    return seen
  }
  const types = (await ask(example.origin)).map(({ type }) => type)
  t.strictSame([types.length, types[0], types.at(-1)], [44, 'RUN_STARTED', 'RUN_FINISHED'])
  // Not with the library, which leaves a rejection unhandled when its body breaks off.
  const input = { threadId: '1', runId: '1', messages: [{ id: '1', role: 'user', content: QUESTION }] }
  const cut = fetch(`${proxy.origin}/agent`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(input) })
  await t.rejects(cut.then((response) => response.text()))
  t.equal(proxy.cuts, 1)
  t.strictSame(await example.stop('SIGTERM'), CLEAN)
})

t.test('fetch-event-source: a POST that comes again goes on with its answer', async (t) => {
  const example = await Example.start(t, 'fetch-event-source', QUICK)
  const proxy = await CuttingProxy.start(t, example.origin, 'data:', 10, 3)
  pretendPage(t)
  const ask = async (origin: string, id: string): Promise<string> => {
    const leaving = new AbortController()
    let text = ''
    await fetchEventSource(`${origin}/answers/${id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ question: QUESTION }),
      signal: leaving.signal,
      openWhenHidden: true,
      onmessage ({ data }) {
        if (data === '[DONE]') leaving.abort()
        else text += data
      },
      onerror: () => 10
    })
    return text
  }
  const whole = await ask(example.origin, 'a')
  t.equal(wordsOf(whole).length, 40)
  t.equal(await ask(proxy.origin, 'b'), whole)
  t.strictSame([proxy.cuts, proxy.asked], [3, Array(4).fill('POST /answers/b')])
  t.equal(await ask(example.origin, 'b'), whole, 'the answer that is kept')
  t.strictSame(await example.stop('SIGTERM'), CLEAN)
})

t.test('parser: a program that is cut off three times has each token once', async (t) => {
  const example = await Example.start(t, 'parser', QUICK)
  const proxy = await CuttingProxy.start(t, example.origin, 'event: token', 8, 3)
  const whole = await read(`${example.origin}/answers`, QUESTION)
  t.strictSame([wordsOf(whole.text).length, whole.requests], [40, 1])
  t.strictSame(await read(`${proxy.origin}/answers`, QUESTION), { text: whole.text, requests: 4 })
  t.strictSame([proxy.asked[0], proxy.asked.slice(1).every((line) => /^GET \/answers\/[\w-]{24}$/.test(line))], ['POST /answers', true])
  t.strictSame(await example.stop('SIGTERM'), CLEAN)
})

/** Gives the library the names of a page that it uses. */
function pretendPage (t: Test): void {
  const names = globalThis as { window?: unknown, document?: unknown }
  Object.assign(names, { window: globalThis, document: { hidden: false, addEventListener () {}, removeEventListener () {} } })
  t.teardown(() => {
    delete names.window
    delete names.document
  })
}
