import { join, resolve } from 'node:path'
import t from 'tap'
import { ts } from '../../scripts/house/compiler.ts'
import { errorsIn, options } from '../support/programs.ts'

// Counts the types that the compiler instantiates, and checks the types that an editor shows.

const ROOT = resolve(import.meta.dirname, '../..')
const FOLDER = 'test/types/in-memory'

/** Declares events of text, unions, intersections, tuples and keys in turn. */
function declare (name: string, length: number): string {
  const schemas = [
    () => 'Type.String()',
    (n: number) => `Type.Union([Type.Object({ kind: Type.Literal('a${n}') }), Type.Object({ kind: Type.Literal('b${n}'), list: Type.Array(Type.Object({ deep: Type.Optional(Type.String()) })) })])`,
    () => 'Type.Intersect([Type.Object({ id: Type.String() }), Type.Object({ at: Type.Date(), tags: Type.Record(Type.String(), Type.Number()) })])',
    () => '{ schema: Type.Object({ id: Type.String(), parts: Type.Array(Type.Tuple([Type.Number(), Type.Boolean()])) }), latestBy: ({ id }) => id }'
  ]
  const events = Array.from({ length }, (_, n) => `  e${n}: ${schemas[n % 5 % 4]!(n)}`)
  return `export const ${name} = defineEvents({\n${events.join(',\n')}\n})\n`
}

const DECLARED = `
import { Type } from '@sinclair/typebox'
import { defineEvents } from '../../../plugin.ts'
${declare('events', 400)}${declare('same', 400)}${declare('fewer', 200)}`
const NAMES = Array.from({ length: 400 }, (_, n) => n).filter((n) => n % 5 % 4 === 0).map((n) => `'e${n}'`)

const USES = [
  ['a broadcast', 'declare const sse: Sse<EventsOf<typeof events>>\nvoid sse.broadcast(\'e3\', { id: \'x\', parts: [[1, true]] })', 10_000],
  ['a hub assigned to a hub of equal events', 'export const of = (sse: Sse<EventsOf<typeof events>>): Sse<EventsOf<typeof same>> => sse', 400_000],
  ['a hub assigned to a hub of fewer events', 'export const of = (sse: Sse<EventsOf<typeof events>>): Sse<EventsOf<typeof fewer>> => sse', 100_000],
  ['a declaration within the options', 'export const options: SsePluginOptions = { events: defineEvents({ a: { schema: Type.String(), latestBy: (text) => text } }) }', 1000],
  ['a client', 'connect<typeof events>(\'/events\').on(\'e2\', ({ at }) => at.toUpperCase())', 40_000],
  ['a client that names the text events', `connect<typeof events>('/events', { text: [${NAMES.join()}] })`, 20_000]
] as const

const SHOWN = `
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import ssePlugin, { defineEvents, type EventsOf } from '../../../plugin.ts'
const events = defineEvents({ order: Type.Object({ id: Type.String() }), at: { schema: Type.String(), ephemeral: true } })
type Payloads = EventsOf<typeof events>
const app = Fastify()
app.sse.count()
const hub = app.sse.of(events)
ssePlugin.defineEvents
ssePlugin.EVERYBODY
`

const USED = `
import { Type } from '@sinclair/typebox'
import { connect } from '../../../client/index.ts'
import { defineEvents, type EventsOf, type Sse, type SsePluginOptions } from '../../../plugin.ts'
import { events, fewer, same } from './declared.ts'
`

const texts = new Map([
  [`${FOLDER}/declared.ts`, DECLARED],
  ...USES.map(([, text], n) => [`${FOLDER}/use-${n}.ts`, USED + text] as const),
  [`${FOLDER}/shown.ts`, SHOWN]
])
const files = new Map([...texts].map(([path, text]) => [join(ROOT, path), text]))
const SHOWN_FILE = join(ROOT, `${FOLDER}/shown.ts`)

const editor = ts.createLanguageService({
  getCompilationSettings: () => options,
  getScriptFileNames: () => [...files.keys()],
  getScriptVersion: () => '1',
  getScriptSnapshot: (name) => ts.ScriptSnapshot.fromString(files.get(name) ?? ts.sys.readFile(name) ?? ''),
  getCurrentDirectory: () => ROOT,
  getDefaultLibFileName: (options) => ts.getDefaultLibFilePath(options),
  fileExists: (name) => files.has(name) || ts.sys.fileExists(name),
  readFile: (name) => files.get(name) ?? ts.sys.readFile(name)
})
const program = editor.getProgram()!

/** Checks one file. What the compiler instantiated for an earlier file it does not instantiate again. */
function check (path: string): { instantiations: number, errors: string[] } {
  const before = program.getInstantiationCount()
  const errors = errorsIn(program, [path])
  return { instantiations: program.getInstantiationCount() - before, errors }
}

check(`${FOLDER}/declared.ts`)

// These counts are equal on every machine. With TypeBox's own `StaticDecode` each hub took 1.5 million, and the last client did not compile.
for (const [n, [what, , bound]] of USES.entries()) {
  t.test(`${what}: with 400 events the compiler instantiates fewer than ${bound} types`, async (t) => {
    const { errors, instantiations } = check(`${FOLDER}/use-${n}.ts`)
    t.strictSame(errors, [])
    t.ok(instantiations > 0 && instantiations < bound, `${instantiations}`)
  })
}

/** The hover text of an editor at the first letter of `text`. */
function show (text: string): { type: string, doc: string } {
  const { displayParts, documentation } = editor.getQuickInfoAtPosition(SHOWN_FILE, SHOWN.indexOf(text))!
  return { type: ts.displayPartsToString(displayParts).replace(/\s+/g, ' '), doc: ts.displayPartsToString(documentation) }
}

t.test('an editor shows payload types instead of schemas', async (t) => {
  t.equal(show('Payloads =').type, 'type Payloads = { readonly order: { id: string; }; readonly at: string; }')
  t.equal(show('hub =').type, 'const hub: Sse<{ readonly order: { id: string; }; readonly at: string; }>')
})

t.test('an editor shows the documentation of the plugin, its exports and app.sse', async (t) => {
  t.match(show('ssePlugin.').doc, /^The Fastify plugin for typed Server-Sent Events/)
  t.match(show('sse.count').doc, /^The event streams of this application/)
  t.match(show('defineEvents\n').doc, /^Declares events/)
  t.match(show('EVERYBODY\n').doc, /^The name of the channel that every subscriber hears/)
  t.match(show('EVERYBODY\n').type, /EVERYBODY: "\*"/)
})
