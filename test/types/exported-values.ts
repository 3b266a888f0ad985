import { join, resolve } from 'node:path'
import t from 'tap'
import { ts } from '../../scripts/house/compiler.ts'
import { createProgram, errorsIn } from '../support/programs.ts'

// A library with `declaration: true` exports values of the plugin. The compiler must be able to name each of their types by an export of the
// imported entry point, since it cannot name any other file of a package (TS2742, TS2883).

const ROOT = resolve(import.meta.dirname, '../..')

const EVENTS = `
import { Type } from '@sinclair/typebox'
const events = {
  message: Type.String(),
  tick: Type.Object({ n: Type.Number(), at: Type.Date() }),
  at: Type.Transform(Type.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())
} as const
type Declared = typeof events
`

const PROGRAMS = {
  'plugin.ts': `
    import type { FastifyInstance } from 'fastify'
    import ssePlugin, { defineEvents, errorCodes, EVERYBODY, type Channel, type Sse, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
    declare const app: FastifyInstance
    export const plugin = ssePlugin
    export const everybody = EVERYBODY
    export const define = defineEvents
    export const codes = errorCodes
    export const told = (error: unknown) => error instanceof errorCodes.FST_SSE_OPTION_INVALID || error instanceof errorCodes.FST_SSE_PAYLOAD_INVALID ? error : null
    export const defined = defineEvents({ tick: { schema: events.tick, latestBy: ({ n }) => n } })
    export const untyped = app.sse
    export const hub = app.sse.of(events)
    export const hubOf = <const D extends Declared>(declared: D) => app.sse.of(declared)
    export const channelOf = <const D extends Declared>(declared: D) => app.sse.of(declared).channel('a')
    export const subscribe = (of: typeof hub) => of.subscribe(null!)
    export const members = <K extends keyof Sse>(sse: Sse, key: K) => sse[key]
    export const hubMembers = (of: Sse) => [of.broadcast, of.channel, of.count, of.disconnect, of.of, of.setReconnectionTime, of.stats, of.subscribe, of.subscribers] as const
    export const channelMembers = (of: Channel) => [of.broadcast, of.count, of.disconnect, of.subscribers] as const
    export const subscriberMembers = (of: Subscriber) => [of.close, of.closed, of.context, of.join, of.leave, of.send, of.signal, of.stream] as const
    export const results = (of: typeof hub) => [of.broadcast('message', ''), of.stats(), of.disconnect(() => true), of.channel('a'), of.subscribers()] as const
    export const reasons = (of: Sse) => [of.stats().gaps, of.stats().closes] as const
    export const hooks = ({ onClose, onSubscribe, subscribe, headers, cors, static: pages }: SsePluginOptions) => [onClose, onSubscribe, subscribe, headers, cors, pages] as const
    export const options = (given: SsePluginOptions) => ({ ...given })
    export const complete = (given: Required<SsePluginOptions>) => ({ ...given })
  `,
  'client/index.ts': `
    import { connect, UnreadableEvent, type Backoff, type ConnectOptions, type EventStream, type Status } from '../../client/index.ts'
    export const connectTo = connect
    export const untyped = connect('/events')
    export const stream = connect<typeof events>('/events')
    export const streamOf = <D extends Declared>(url: string) => connect<D>(url)
    export const own = { open: stream.events('sse.open'), gap: stream.events('sse.gap'), close: stream.events('sse.close') }
    export const first = async () => [(await own.open.next()).value, (await own.gap.next()).value, (await own.close.next()).value] as const
    export const members = (of: typeof stream) => [of.on, of.onGap, of.onStatus, of.statuses, of.events, of.status] as const
    export const untypedMembers = (of: EventStream) => [of.on, of.onGap, of.onStatus, of.statuses, of.events, of.status] as const
    export const options = (given: ConnectOptions<typeof events>) => ({ ...given })
    export const complete = (given: Required<ConnectOptions>) => ({ ...given })
    export const backoff = (given: Backoff) => ({ ...given })
    export const told = (error: UnreadableEvent) => ({ ...error })
    export const status = (of: Status) => ({ ...of })
    export const reason = async () => (await own.gap.next()).value!.reason
    export const load = (show: Parameters<typeof stream.onGap>[0]) => show
  `,
  'testing/index.ts': `
    import { advance, openStream, type InjectableApp, type OpenStreamOptions } from '../../testing/index.ts'
    declare const app: InjectableApp
    export const open = openStream
    export const pass = advance
    export const untyped = () => openStream(app, '/events')
    export const typed = () => openStream(app, '/events', { events })
    export const openOf = <D extends Declared>(declared: D) => openStream(app, '/events', { events: declared })
    export const next = async () => (await typed()).next()
    export const tick = async () => (await typed()).next('tick')
    export const own = async () => [await (await typed()).next('sse.open'), await (await typed()).next('sse.gap'), await (await typed()).next('sse.close')] as const
    export const data = async () => (await (await typed()).next('sse.open')).data
    export const reason = async () => (await (await typed()).next('sse.gap')).data.reason
    export const members = async () => ({ ...await typed(), next: (await typed()).next, all: (await typed())[Symbol.asyncIterator]() })
    export const options = (given: OpenStreamOptions<typeof events>) => ({ ...given })
  `
}

const pathOf = (entry: string): string => `test/types/again-${entry.replace('/', '-')}`
const texts = new Map(Object.entries(PROGRAMS).map(([entry, text]) => [pathOf(entry), EVENTS + text]))
const program = createProgram(texts, { declaration: true, emitDeclarationOnly: true, noEmit: false, lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'] })
const checker = program.getTypeChecker()

for (const entry of Object.keys(PROGRAMS)) {
  t.test(`a library can export every value of ${entry} again, because ${entry} exports their types`, async (t) => {
    t.strictSame(errorsIn(program, [pathOf(entry)]), [])
    let written = ''
    const { diagnostics } = program.emit(program.getSourceFile(join(ROOT, pathOf(entry))), (_name, declarations) => { written = declarations })
    t.strictSame(diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')), [])
    t.match(written, /export declare const/)
    const entryFile = program.getSourceFile(join(ROOT, entry))!
    const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(entryFile)!).map(({ name }) => name)
    const named = [...written.matchAll(/import\("\.[^"]*"\)\.(\w+)/g)].map(([, name]) => name!)
    t.strictSame([...new Set(named)].filter((name) => !exported.includes(name)), [])
  })
}
