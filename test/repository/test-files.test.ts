import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import t from 'tap'

const ROOT = resolve(import.meta.dirname, '../..')

t.test('`npm test` runs every test file once, in a process of its own or with the others of its folder', async (t) => {
  const listed = execFileSync(process.execPath, ['node_modules/.bin/tap', 'list'], { cwd: ROOT, encoding: 'utf8', env: { PATH: process.env.PATH } }).trim().split('\n')
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts')).map((path) => join('test', path).replaceAll(sep, '/'))
  const shared = files.filter((path) => existsSync(join(ROOT, dirname(path), 'all.ts')))
  const alone = listed.filter((path) => path.endsWith('.test.ts'))
  t.strictSame([...alone, ...shared].sort(), files.sort())
  t.strictSame(listed.filter((path) => !alone.includes(path)), [...new Set(shared.map((path) => `${dirname(path)}/all.ts`))].sort())
})
