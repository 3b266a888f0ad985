import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import t from 'tap'
import { createProgram, declarationsOf, errorsIn, withLibraries } from '../support/programs.ts'

// As an application sees the client: its declarations, without its source.

const { declarations, errors } = declarationsOf('client/tsconfig.build.json')

t.test('the declarations of the client are made', async (t) => {
  t.strictSame(errors, [])
  t.ok(declarations.has('client/index.d.ts'))
})

const FOLDER = 'test/application'
const texts = new Map(['types.ts', 'text-events.ts'].map((file) => {
  const source = readFileSync(join(import.meta.dirname, file), 'utf8')
  return [`${FOLDER}/${file}`, source.replace('../../client/index.ts', './dist/client/index.js')]
}))
const declared = [...declarations].map(([path, text]) => [`${FOLDER}/dist/${path}`, text] as const)

for (const [program, lib] of [
  ['a program without the DOM', ['es2023']],
  ['a program of the DOM', ['es2023', 'dom', 'dom.iterable']],
  ['a program of a worker', ['es2023', 'webworker']]
] as const) {
  t.test(`in ${program} everything compiles, but for the errors expected there`, async (t) => {
    const program = createProgram(new Map([...texts, ...declared]), withLibraries(lib))
    t.strictSame(program.getGlobalDiagnostics().map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')), [])
    t.strictSame(errorsIn(program, texts), [])
    t.ok(program.getSourceFiles().some(({ fileName }) => fileName.endsWith(`${FOLDER}/dist/client/index.d.ts`)))
    t.notOk(program.getSourceFiles().some(({ fileName }) => fileName === join(import.meta.dirname, '../../client/index.ts')), 'not its source')
  })
}
