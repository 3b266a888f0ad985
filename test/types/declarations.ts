import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { ts } from '../../scripts/house/compiler.ts'
import { createProgram, emitDeclarations, errorsIn, withLibraries } from '../support/programs.ts'

// An application compiles against the declarations of the client, and not against its source.

const ROOT = resolve(import.meta.dirname, '../..')
const { declarations, errors } = emitDeclarations()

t.test('the compiler emits the declarations of the package without errors', async (t) => {
  t.strictSame(errors, [])
  t.ok(declarations.has('plugin.d.ts'))
  t.ok(declarations.has('client/index.d.ts'))
})

const FOLDER = 'test/application'
const applications = new Map(['types.ts', 'stream/text-events.ts'].map((file) => {
  const source = readFileSync(join(ROOT, 'test/client', file), 'utf8')
  return [`${FOLDER}/${file}`, source.replace('../../client/index.ts', './dist/client/index.js')]
}))
const declared = new Map([...declarations].map(([path, text]) => [`${FOLDER}/dist/${path}`, text]))

for (const [program, lib] of [
  ['a program without the DOM', ['es2023']],
  ['a program with the DOM', ['es2023', 'dom', 'dom.iterable']],
  ['a program for a worker', ['es2023', 'webworker']]
] as const) {
  t.test(`types.ts compiles in ${program}, with exactly the expected errors`, async (t) => {
    const program = createProgram(new Map([...applications, ...declared]), withLibraries(lib), applications.keys())
    t.strictSame(program.getGlobalDiagnostics().map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')), [])
    t.strictSame(errorsIn(program, applications.keys()), [])
    t.ok(program.getSourceFiles().some(({ fileName }) => fileName.endsWith(`${FOLDER}/dist/client/index.d.ts`)))
    t.notOk(program.getSourceFiles().some(({ fileName }) => fileName === join(ROOT, 'client/index.ts')), 'not its source')
  })
}

// The package is built with the DOM. A program for Node that checks libraries has none.
t.test('no declaration of the package needs the DOM', async (t) => {
  const program = createProgram(declared, { ...withLibraries(['es2023']), skipLibCheck: false })
  t.strictSame(errorsIn(program, declared.keys()), [])
})
