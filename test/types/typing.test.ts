import { join, resolve } from 'node:path'
import ts from 'typescript'
import t from 'tap'
import { createProgram, errorsIn, options } from '../support/programs.ts'

// Counts the types that the compiler instantiates, and checks the types that an editor shows.

const ROOT = resolve(import.meta.dirname, '../..')
const PATH = 'test/types/in-memory.ts'
const FILE = join(ROOT, PATH)

/** Compiles a program of one file, which exists only in memory. */
function compile (text: string): { instantiations: number, errors: string[] } {
  const texts = new Map([[PATH, text]])
  const program = createProgram(texts)
  const errors = errorsIn(program, texts)
  return { instantiations: program.getInstantiationCount(), errors }
}

const IMPORTS = `
import { Type } from '@sinclair/typebox'
import { connect } from '../../client/index.ts'
import { defineEvents, type EventsOf, type Sse } from '../../plugin.ts'
`

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

const BASE = `${IMPORTS}${declare('events', 400)}${declare('same', 400)}${declare('fewer', 200)}`
const NAMES = Array.from({ length: 400 }, (_, n) => n).filter((n) => n % 5 % 4 === 0).map((n) => `'e${n}'`)

const base = compile(BASE)

// These counts are equal on every machine. With TypeBox's own `StaticDecode` each hub took 1.5 million, and the last client did not compile.
for (const [what, text, bound] of [
  ['a broadcast', 'declare const sse: Sse<EventsOf<typeof events>>\nvoid sse.broadcast(\'e3\', { id: \'x\', parts: [[1, true]] })', 10_000],
  ['a hub assigned to a hub of equal events', 'export const of = (sse: Sse<EventsOf<typeof events>>): Sse<EventsOf<typeof same>> => sse', 400_000],
  ['a hub assigned to a hub of fewer events', 'export const of = (sse: Sse<EventsOf<typeof events>>): Sse<EventsOf<typeof fewer>> => sse', 250_000],
  ['a client', 'connect<typeof events>(\'/events\').on(\'e2\', ({ at }) => at.toUpperCase())', 250_000],
  ['a client that names the text events', `connect<typeof events>('/events', { text: [${NAMES.join()}] })`, 250_000]
] as const) {
  t.test(`${what}: with 400 events the compiler instantiates fewer than ${bound} types`, async (t) => {
    const { errors, instantiations } = compile(BASE + text)
    t.strictSame(errors, [])
    t.ok(instantiations - base.instantiations < bound, `${instantiations - base.instantiations}`)
  })
}

const SHOWN = `${IMPORTS}
import Fastify from 'fastify'
import ssePlugin from '../../plugin.ts'
const events = defineEvents({ order: Type.Object({ id: Type.String() }), at: { schema: Type.String(), ephemeral: true } })
type Payloads = EventsOf<typeof events>
const app = Fastify()
app.register(ssePlugin, { events })
app.sse.count()
const hub = app.sse.of(events)
ssePlugin.defineEvents
ssePlugin.EVERYBODY
`

const editor = ts.createLanguageService({
  getCompilationSettings: () => options,
  getScriptFileNames: () => [FILE],
  getScriptVersion: () => '1',
  getScriptSnapshot: (name) => name === FILE ? ts.ScriptSnapshot.fromString(SHOWN) : ts.ScriptSnapshot.fromString(ts.sys.readFile(name) ?? ''),
  getCurrentDirectory: () => ROOT,
  getDefaultLibFileName: (options) => ts.getDefaultLibFilePath(options),
  fileExists: (name) => name === FILE || ts.sys.fileExists(name),
  readFile: (name) => ts.sys.readFile(name)
})

/** The hover text of an editor at the first letter of `text`. */
function show (text: string): { type: string, doc: string } {
  const { displayParts, documentation } = editor.getQuickInfoAtPosition(FILE, SHOWN.indexOf(text))!
  return { type: ts.displayPartsToString(displayParts).replace(/\s+/g, ' '), doc: ts.displayPartsToString(documentation) }
}

t.test('an editor shows payload types instead of schemas', async (t) => {
  t.equal(show('Payloads =').type, 'type Payloads = { readonly order: { id: string; }; readonly at: string; }')
  t.equal(show('hub =').type, 'const hub: Sse<{ readonly order: { id: string; }; readonly at: string; }>')
})

t.test('an editor shows the documentation of the plugin, its exports and app.sse', async (t) => {
  t.match(show('ssePlugin, { events }').doc, /^The Fastify plugin for typed Server-Sent Events/)
  t.match(show('sse.count').doc, /^The event streams of this application/)
  t.match(show('defineEvents\n').doc, /^Declares events/)
  t.match(show('EVERYBODY\n').doc, /^The name of the channel that every subscriber hears/)
  t.match(show('EVERYBODY\n').type, /EVERYBODY: "\*"/)
})
