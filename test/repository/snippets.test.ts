import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { createLinter } from '../support/linting.ts'
import { createProgram, errorsIn } from '../support/programs.ts'

// Checks all code that people may copy from the README, the documentation, the demo pages and the docstrings, and what the promise rules of
// typescript-eslint say of calls of the plugin that are not awaited. One program holds both.

const ROOT = resolve(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const list = (folder: string, ending: string): string[] => readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith(ending)).map((name) => `${folder}/${name}`)

/** Declarations that the snippets presuppose. A snippet may declare such a name itself. */
const KNOWN = `
import type { FastifyInstance, FastifyRequest, preHandlerHookHandler } from 'fastify'
import type { EventsOf, Sse } from 'fastify-typed-sse'
import type { EventStream } from 'fastify-typed-sse/client'
import type { events as declaration } from './events.ts'

interface Order { id: string, total: number }

declare module 'fastify' {
  interface FastifyRequest { user: { jti: string } }
}

declare global {
  const app: FastifyInstance
  const events: typeof declaration
  const sse: Sse<EventsOf<typeof declaration>>
  const ssePlugin: typeof import('fastify-typed-sse').default
  const defineEvents: typeof import('fastify-typed-sse').defineEvents
  const Type: typeof import('@sinclair/typebox').Type
  const order: Order
  const database: { orders (): Promise<Order[]> }
  const authenticate: preHandlerHookHandler
  const adminsOnly: preHandlerHookHandler
  const revoked: Set<string>
  function userOf (request: FastifyRequest): Promise<string>
  function tokenOf (request: FastifyRequest): Promise<{ id: string, exp: number }>
  // What a broker is written with.
  function myBroker (options?: { url: string }): import('fastify-typed-sse').Broker
  const engine: Record<'start' | 'stop' | 'flush', () => Promise<void>>
  const client: import('ioredis').Redis
  const redisBroker: typeof import('fastify-typed-sse/redis').redisBroker
  const sqliteBroker: typeof import('fastify-typed-sse/sqlite').sqliteBroker

  const openStream: typeof import('fastify-typed-sse/testing').openStream
  const brokerContract: typeof import('fastify-typed-sse/testing').brokerContract
  const test: typeof import('node:test').test
  const advance: typeof import('fastify-typed-sse/testing').advance
  const assert: typeof import('node:assert/strict')
  function answer (body: unknown, signal: AbortSignal): AsyncIterable<string>

  const connect: typeof import('fastify-typed-sse/client').connect
  const stream: EventStream<typeof declaration>
  const source: EventSource
  const url: string
  const button: HTMLButtonElement
  function show (...what: unknown[]): void
  function showAll (what: unknown): void
  function tell (retryAt: number | null): void
  function store (order: Order): Promise<void>
  function token (): Promise<string>
  function load (): Promise<{ lastEventId: string, newest: unknown[] }>
  // The global scope of a service worker.
  function addEventListener (type: 'fetch', listener: (event: Event & { readonly request: Request }) => void): void

  // Angular and Nest.
  function inject<T> (token: new () => T): T
  class NgZone {
    run<T> (action: () => T): T
    runOutsideAngular<T> (action: () => T): T
  }
  class DestroyRef { onDestroy (action: () => void): void }
  class AppModule {}
  class FastifyAdapter {}
  interface NestFastifyApplication {
    register: FastifyInstance['register']
    enableShutdownHooks (): void
    listen (port: number): Promise<void>
  }
  const NestFactory: { create<T> (module: typeof AppModule, adapter: FastifyAdapter): Promise<T> }
}
`

/** The client for JavaScript snippets, typed with the declared events. */
const CLIENT = `
import { connect as connectTo } from 'fastify-typed-sse/client'
import type { events } from './events.ts'

export const connect = connectTo<typeof events>
`

const EVENTS = `
import { Type } from '@sinclair/typebox'
import { defineEvents } from 'fastify-typed-sse'

export const events = defineEvents({
  message: Type.String(),
  token: Type.String(),
  'order.updated': Type.Object({ id: Type.String(), total: Type.Number() }),
  'test-event': Type.Object({ count: Type.Number(), subscribers: Type.Number() })
})
`

const PATHS = {
  paths: {
    'fastify-typed-sse': [join(ROOT, 'plugin.ts')],
    'fastify-typed-sse/redis': [join(ROOT, 'brokers/redis/index.ts')],
    'fastify-typed-sse/sqlite': [join(ROOT, 'brokers/sqlite/index.ts')],
    'fastify-typed-sse/client': [join(ROOT, 'client/index.ts')],
    'fastify-typed-sse/testing': [join(ROOT, 'testing/index.ts')]
  },
  allowImportingTsExtensions: true,
  rewriteRelativeImportExtensions: false,
  verbatimModuleSyntax: false
}

interface Snippet {
  readonly from: string
  readonly language: string
  readonly code: string
}

const ofMarkdown = (from: string): Snippet[] => [...read(from).matchAll(/^```(ts|js|html)\n(.*?)^```$/gms)]
  .map(([, language, code]) => ({ from, language: language!, code: code! }))

const ofPage = (from: string): Snippet[] => [...read(from).matchAll(/<pre[^>]+aria-label="The code (?:of this page|with EventSource)"><code>(.*?)<\/code><\/pre>/gs)]
  .map(([, code]) => ({
    from,
    language: 'ts',
    code: code!.replace(/<[^>]+>/g, '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
  }))

const ofDocstrings = (from: string): Snippet[] => [...read(from).matchAll(/^ *\* @example(.*\n(?: *\* (?!@).*\n)*)/gm)]
  .map(([, code]) => ({ from, language: 'ts', code: code!.replace(/^ *\* /gm, '') }))

/** Wraps a snippet of options in the call that takes them, and imports the client directly where a page imports it from a server. */
function toModule ({ language, code }: Snippet): string {
  const isOptions = /^\w+(: | \([^)]*\) \{$)/m.test(code.split('\n')[0]!)
  const script = language === 'html' ? /<script type="module">(.*)<\/script>/s.exec(code)![1]! : code
  const text = isOptions ? `await app.register(ssePlugin, {\n${code}})` : script.replace(/from '[^']*\/sse\/client\.js'/, "from '../client.ts'")
  return `${text}\nexport {}\n`
}

const snippets = [
  ...['README.md', ...list('docs', '.md')].flatMap(ofMarkdown),
  ...list('public/demo', '.html').flatMap(ofPage),
  ...['plugin.ts', ...list('lib', '.ts'), ...list('client', '.ts'), ...list('testing', '.ts')].flatMap(ofDocstrings)
]

/** One module for each snippet, and modules for the declarations that the snippets presuppose. */
function modulesOf (snippets: readonly Snippet[]): Map<string, string> {
  const folder = 'test/snippets'
  const modules = new Map([[`${folder}/known.ts`, KNOWN], [`${folder}/client.ts`, CLIENT], [`${folder}/events.ts`, EVENTS], [`${folder}/server/events.ts`, EVENTS]])
  snippets.forEach((snippet, n) => {
    const page = snippet.from.replaceAll(/[/.]/g, '-')
    modules.set(`${folder}/${page}/${n}.ts`, toModule(snippet))
  })
  // docs/errors.md imports its declaration from here.
  modules.set(`${folder}/docs-errors-md/events.ts`, EVENTS)
  return modules
}

const typed = modulesOf(snippets.filter(({ language }) => language === 'ts'))
const untyped = modulesOf(snippets.filter(({ language }) => language !== 'ts'))

/** Calls whose rejections are already handled. */
const HANDLED = [
  'sse.broadcast("message", "text")',
  'sse.channel("a").broadcast("message", "text")',
  'sse.disconnect(() => true)',
  'sse.channel("a").disconnect()',
  'subscriber.send("message", "text")',
  'subscriber.stream("message", async function * () {})',
  'await sse.broadcast("message", "text")',
  'await Promise.all([sse.broadcast("message", "text"), sse.disconnect(() => true)])'
]

const UNHANDLED = [
  'sse.broadcast("message", "text").then(({ id }) => id)',
  'subscriber.closed.then(() => {})',
  'app.sse.subscribe(reply)'
]

const FLOATING = `
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Sse, Subscriber } from 'fastify-typed-sse'

declare const app: FastifyInstance
declare const reply: FastifyReply
declare const sse: Sse<{ message: string }>
declare const subscriber: Subscriber<{ message: string }>
`

const floating = new Map([
  ['test/floating/handled.ts', `${FLOATING}${HANDLED.join('\n')}\n`],
  ['test/floating/unhandled.ts', `${FLOATING}${UNHANDLED.join('\n')}\nsse.broadcast("message", "text").catch(() => {})\n`]
])

const program = createProgram(new Map([...typed, ...floating]), PATHS)

t.test('the code of the README, the documentation, the demo and the docstrings compiles', async (t) => {
  for (const [source, least] of [['README.md', 10], ['docs/client.md', 6], ['docs/security.md', 3], ['public/demo/credentials.html', 1], ['public/demo/comes-back.html', 1], ['client/index.ts', 1], ['testing/index.ts', 1]] as const) {
    t.ok(snippets.filter(({ from }) => from === source).length >= least, `there is code in ${source}`)
  }
  t.strictSame(errorsIn(program, typed.keys()), [])
})

t.test('the JavaScript of the documentation compiles if implicit any is allowed', async (t) => {
  t.strictSame(errorsIn(createProgram(untyped, { ...PATHS, noImplicitAny: false }), untyped.keys()), [])
})

t.test('the TypeScript of the README and the documentation passes the promise rules of typescript-eslint', async (t) => {
  const lint = createLinter(program, ['no-floating-promises', 'no-misused-promises', 'await-thenable', 'require-await'])
  for (const [path, text] of typed) {
    t.strictSame((await lint(path, text)).map(({ line, message, source }) => `${path}:${line}: ${message}\n${source}`), [])
  }
})

/** The statements in one of the texts of `floating` that the recommended promise rules report. */
async function reportedIn (path: string): Promise<string[]> {
  const lint = createLinter(program, ['no-floating-promises', 'await-thenable'])
  return (await lint(path, floating.get(path)!)).map(({ source }) => source)
}

t.test('typescript-eslint accepts unawaited calls whose rejections are already handled', async (t) => {
  t.strictSame(errorsIn(program, floating.keys()), [])
  t.strictSame(await reportedIn('test/floating/handled.ts'), [])
})

t.test('typescript-eslint reports an unawaited `subscribe` and an unawaited `then` without a handler for rejections', async (t) => {
  t.strictSame(await reportedIn('test/floating/unhandled.ts'), UNHANDLED)
})
