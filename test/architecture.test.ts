import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { drawHouse } from '../scripts/house/drawing.ts'
import { filesIn, foldersOf, readImports, type ImportGraph } from '../scripts/house/import-graph.ts'
import { brokenRules, type Arrows } from '../scripts/house/rules.ts'

const ROOT = resolve(import.meta.dirname, '..')
const MAX_LINES = 250

// From the bottom to the top. Nobody imports `lib/options` but plugin.ts.
const LIB: Arrows = {
  lib: [],
  'lib/broker': ['lib', 'lib/time'],
  'lib/wire': ['lib'],
  'lib/response': ['lib/wire'],
  'lib/schema': ['lib', 'lib/wire'],
  'lib/log': ['lib', 'lib/broker', 'lib/wire'],
  'lib/cursor': ['lib/broker', 'lib/log', 'lib/wire'],
  'lib/publish': ['lib', 'lib/broker', 'lib/log', 'lib/schema', 'lib/wire'],
  'lib/time': ['lib/response'],
  'lib/cluster': ['lib/broker', 'lib/time'],
  'lib/subscribers': ['lib', 'lib/cursor', 'lib/log', 'lib/response', 'lib/time', 'lib/wire'],
  'lib/open': ['lib', 'lib/broker', 'lib/cursor', 'lib/log', 'lib/response', 'lib/subscribers', 'lib/time', 'lib/wire'],
  'lib/runs': ['lib', 'lib/broker', 'lib/cluster', 'lib/cursor', 'lib/open', 'lib/publish', 'lib/schema', 'lib/subscribers', 'lib/time', 'lib/wire'],
  'lib/routes': ['lib', 'lib/open', 'lib/schema'],
  'lib/api': ['lib', 'lib/broker', 'lib/cluster', 'lib/cursor', 'lib/log', 'lib/open', 'lib/publish', 'lib/runs', 'lib/schema', 'lib/subscribers', 'lib/time', 'lib/wire'],
  'lib/options': ['lib', 'lib/broker', 'lib/cursor', 'lib/log', 'lib/open', 'lib/routes', 'lib/runs', 'lib/schema', 'lib/subscribers', 'lib/time', 'lib/wire']
}

const CLIENT: Arrows = {
  'client/wire': [],
  'client/connection': ['client/wire'],
  'client/transport': ['client/connection', 'client/wire'],
  'client/sharing': ['client/connection', 'client/wire'],
  'client/stream': ['client/connection', 'client/transport', 'client/wire'],
  client: ['client/connection', 'client/sharing', 'client/stream', 'client/transport', 'client/wire']
}

const INSPECTOR: Arrows = {
  'public/inspector/page': [],
  'public/inspector/charts': ['public/inspector/page'],
  'public/inspector/connection': ['public/inspector/page'],
  'public/inspector/events': ['public/inspector/page'],
  'public/inspector/declared': ['public/inspector/events', 'public/inspector/page'],
  'public/inspector': ['charts', 'connection', 'declared', 'events', 'page'].map((name) => `public/inspector/${name}`)
}

function read (path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function broken (files: readonly string[], mayImport: Arrows): string[] {
  const lines = new Map(files.map((file) => [file, read(file).split('\n').length - 1]))
  return brokenRules(readImports(ROOT, files), lines, { mayImport, maxLines: MAX_LINES })
}

// An engine knows what engines have in common, and none knows another.
const BROKERS: Arrows = {
  'brokers/engine': [],
  'brokers/redis': ['brokers/engine'],
  'brokers/sqlite': ['brokers/engine']
}

for (const [folder, arrows] of Object.entries({ lib: LIB, client: CLIENT, 'public/inspector': INSPECTOR, brokers: BROKERS })) {
  t.test(`the files of ${folder} keep to the arrows, and no file is over ${MAX_LINES} lines`, async (t) => {
    t.strictSame(broken(filesIn(ROOT, folder).filter((name) => !name.endsWith('client.js')), arrows), [])
  })

  t.test(`each arrow of ${folder} stands for an import`, async (t) => {
    const imports = foldersOf(readImports(ROOT, filesIn(ROOT, folder)))
    for (const [from, targets] of Object.entries(arrows)) t.strictSame(imports.get(from), [...targets].sort(), from)
  })
}

t.test('plugin.ts and the testing helper are not over the limit either', async (t) => {
  for (const file of ['plugin.ts', ...filesIn(ROOT, 'testing')]) t.ok(read(file).split('\n').length - 1 <= MAX_LINES, file)
})

t.test('only plugin.ts imports lib/options, and nothing in lib imports plugin.ts', async (t) => {
  const imports = readImports(ROOT, ['plugin.ts', ...['lib', 'client', 'testing'].flatMap((folder) => filesIn(ROOT, folder))])
  const importers = (path: RegExp): string[] => [...imports]
    .filter(([file, targets]) => !path.test(file) && targets.some((target) => path.test(target))).map(([file]) => file)
  t.strictSame(importers(/^lib\/options\//), ['plugin.ts'])
  t.strictSame(importers(/^plugin\.ts$/).filter((file) => file.startsWith('lib/')), [])
})

t.test('a broker imports the contract, the time and the leaves of lib, and nothing else of the plugin', async (t) => {
  const outside = [...readImports(ROOT, filesIn(ROOT, 'brokers')).values()].flat().filter((target) => !target.startsWith('brokers/'))
  for (const target of outside) t.match(target, /^lib\/(?:(?:broker|time)\/)?[\w-]+\.ts$/)
})

t.test('the client imports nothing but types from lib, and those from two folders', async (t) => {
  for (const file of filesIn(ROOT, 'client')) {
    for (const [line, , from] of read(file).matchAll(/^(import|export) .*from '[./]*\/(lib\/[^']+)'$/gm)) {
      t.match(line, /^(import|export) type /, `${file}: ${line}`)
      t.match(from, /^lib\/(schema|wire)\//, `${file}: ${line}`)
    }
  }
})

t.test('a broken rule is reported', async (t) => {
  const mayImport = { a: ['b'], b: [] }
  const report = (imports: Record<string, string[]>, lines: Record<string, number> = {}): string[] => {
    const graph: ImportGraph = new Map(Object.entries(imports))
    return brokenRules(graph, new Map(Object.entries(lines)), { mayImport, maxLines: 10 })
  }
  t.strictSame(report({ 'a/x.ts': ['b/y.ts'], 'b/y.ts': [] }, { 'a/x.ts': 10 }), [])
  t.match(report({ 'a/x.ts': [], 'b/y.ts': ['a/x.ts'] }), ['b/y.ts may not import a/x.ts'])
  t.match(report({ 'c/x.ts': [] }), ['c/x.ts is in a folder that has no arrows'])
  t.strictSame(report({ 'a/x.ts': ['a/y.ts'], 'a/y.ts': ['a/x.ts'] }), ['files import each other: a/x.ts → a/y.ts → a/x.ts'])
  t.ok(report({ 'a/x.ts': ['b/y.ts'], 'b/y.ts': [], 'b/z.ts': ['a/w.ts'], 'a/w.ts': [] }).includes('folders import each other: a → b → a'))
  t.strictSame(report({ 'a/utils.ts': [], 'a/text-helpers.ts': [] }), ['a/utils.ts has a name that says nothing', 'a/text-helpers.ts has a name that says nothing'])
  t.strictSame(report({ 'a/x.ts': [] }, { 'a/x.ts': 11 }), ['a/x.ts has 11 lines, more than 10'])
})

t.test('docs/architecture.svg is the picture of the imports as they are', async (t) => {
  t.equal(read('docs/architecture.svg'), drawHouse(ROOT), 'draw it again: npm run draw')
})

t.test('docs/architecture.md has one sentence for each folder', async (t) => {
  const rows = [...read('docs/architecture.md').matchAll(/^\| `([\w/]+)\/` \| [^|]+ \|$/gm)].map(([, folder]) => folder)
  const folders = ['lib', 'brokers', 'client', 'public/inspector'].flatMap((folder) => [...foldersOf(readImports(ROOT, filesIn(ROOT, folder))).keys()])
  for (const folder of folders) t.equal(rows.filter((row) => row === folder).length, 1, folder)
})
