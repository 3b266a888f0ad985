import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ts } from '../../scripts/house/compiler.ts'
import { createProgram, declarationsOf, errorsIn, withLibraries } from '../support/programs.ts'

// Compiles against the declarations of the client, as an application does, and not against its source.

const { declarations, errors } = declarationsOf('client/tsconfig.build.json')

t.test('the compiler emits the declarations of the client without errors', async (t) => {
  t.strictSame(errors, [])
  t.ok(declarations.has('client/index.d.ts'))
})

const FOLDER = 'test/application'
const texts = new Map(['types.ts', 'stream/text-events.ts'].map((file) => {
  const source = readFileSync(join(import.meta.dirname, file), 'utf8')
  return [`${FOLDER}/${file}`, source.replace('../../client/index.ts', './dist/client/index.js')]
}))
const declared = [...declarations].map(([path, text]) => [`${FOLDER}/dist/${path}`, text] as const)

for (const [program, lib] of [
  ['a program without the DOM', ['es2023']],
  ['a program with the DOM', ['es2023', 'dom', 'dom.iterable']],
  ['a program for a worker', ['es2023', 'webworker']]
] as const) {
  t.test(`types.ts compiles in ${program}, with exactly the expected errors`, async (t) => {
    const program = createProgram(new Map([...texts, ...declared]), withLibraries(lib))
    t.strictSame(program.getGlobalDiagnostics().map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')), [])
    t.strictSame(errorsIn(program, texts.keys()), [])
    t.ok(program.getSourceFiles().some(({ fileName }) => fileName.endsWith(`${FOLDER}/dist/client/index.d.ts`)))
    t.notOk(program.getSourceFiles().some(({ fileName }) => fileName === join(import.meta.dirname, '../../client/index.ts')), 'not its source')
  })
}
