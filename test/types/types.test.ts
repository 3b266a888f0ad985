import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')

for (const program of ['tsconfig.json', 'client/tsconfig.json', 'test/types/augmented/tsconfig.json']) {
  t.test(`${program} compiles with exactly the expected errors`, async (t) => {
    const errors = await promisify(execFile)(process.execPath, [tsc, '-p', join(root, program)], { cwd: root })
      .then(() => '', ({ stdout }: { stdout: string }) => stdout)
    t.equal(errors, '')
  })
}
