import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

// Compiles against the declarations of the client, as an application does, and not against its source.

const ROOT = join(import.meta.dirname, '../..')
const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc')

const tsc = (...options: string[]): Promise<string> => promisify(execFile)(process.execPath, [TSC, ...options], { cwd: ROOT })
  .then(() => '', ({ stdout }: { stdout: string }) => stdout)

const folder = t.testdir({ 'package.json': '{ "type": "module" }' })

t.test('the compiler emits the declarations of the client without errors', { timeout: 120_000 }, async (t) => {
  t.equal(await tsc('-p', 'client/tsconfig.build.json', '--outDir', join(folder, 'dist')), '')
  mkdirSync(join(folder, 'stream'))
  for (const file of ['types.ts', 'stream/text-events.ts']) {
    const source = readFileSync(join(import.meta.dirname, file), 'utf8')
    writeFileSync(join(folder, file), source.replace('../../client/index.ts', './dist/client/index.js').replace('../../plugin.ts', relative(folder, join(ROOT, 'plugin.ts'))))
  }
})

for (const [program, lib, types] of [
  ['a program without the DOM', ['es2023'], ['node']],
  ['a program with the DOM', ['es2023', 'dom', 'dom.iterable'], ['node']],
  ['a program for a worker', ['es2023', 'webworker'], ['node']]
] as const) {
  t.test(`types.ts compiles in ${program}, with exactly the expected errors`, { timeout: 120_000 }, async (t) => {
    const config = join(folder, `${lib.length}-${lib.at(-1)}.json`)
    writeFileSync(config, JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: { lib, types, rootDir: ROOT, typeRoots: [join(ROOT, 'node_modules/@types')] },
      include: ['types.ts'],
      exclude: []
    }))
    t.equal(await tsc('-p', config), '')
  })
}
