import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t from 'tap'
import { CLOSE_REASONS } from '../../lib/wire/reasons.ts'
import { readOptions } from '../../lib/options/defaults.ts'
import type { SsePluginOptions } from '../../lib/options/options.ts'
import { errorCodes } from '../../plugin.ts'
import { filesIn } from '../../scripts/house/import-graph.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1]!)

t.test('every error code has a heading in docs/errors.md, and every heading a code', async (t) => {
  t.strictSame(all(read('docs/errors.md'), /^### (\w+)$/gm).sort(), Object.keys(errorCodes).sort())
})

t.test('every error code that a source file names exists', async (t) => {
  const codes = new Set(Object.keys(errorCodes))
  for (const file of ['plugin.ts', ...filesIn(ROOT, 'lib')]) {
    for (const code of all(read(file), /\b(FST_SSE_[A-Z_]+[A-Z])\b/g)) t.ok(codes.has(code), `${code} in ${file}`)
  }
})

const rows = [...read('docs/options.md').matchAll(/^\| `(\w+)` \| (?:`(.+?)`|–) \|/gm)].map(([, option, value]) => ({ option: option!, value }))

t.test('docs/options.md lists exactly the known options, in order', async (t) => {
  const known = (): string => {
    try {
      readOptions({ nonsense: 1 } as SsePluginOptions)
    } catch (error) {
      return (error as Error).message
    }
    return ''
  }
  t.strictSame(rows.map(({ option }) => option), known().split('valid keys: ')[1]!.split('; ')[0]!.split(', '))
})

t.test('every default in docs/options.md equals the default of the option', async (t) => {
  const comparable = (options: SsePluginOptions): string => JSON.stringify(readOptions(options), (key, value) => key === 'isDefault' ? undefined : value)
  for (const { option, value } of rows) {
    // eslint-disable-next-line no-new-func
    if (value !== undefined) t.equal(comparable({ [option]: new Function(`return ${value}`)() }), comparable({}), option)
  }
})

t.test('docs/errors.md and docs/architecture.md list the close reasons', async (t) => {
  const [, reasons = ''] = read('docs/errors.md').split('## Close reasons')
  t.strictSame(all(reasons, /^\| `(\w+)` \|/gm), [...CLOSE_REASONS])
  t.match(read('docs/architecture.md'), `one close reason: ${CLOSE_REASONS.join(', ')}`)
})

t.test('every relative link in the documentation leads to an existing file', async (t) => {
  for (const file of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', ...readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)]) {
    for (const link of all(read(file), /\]\(([^)#]+)[^)]*\)/g).filter((link) => !link.startsWith('http'))) {
      t.ok(existsSync(resolve(ROOT, dirname(file), link)), `${link} in ${file}`)
    }
  }
})

t.test('CONTRIBUTING.md names every script of package.json', async (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const script of Object.keys(scripts).filter((name) => !/^(pre|post)/.test(name))) {
    t.match(read('CONTRIBUTING.md'), script === 'start' || script === 'test' ? `npm ${script}` : `npm run ${script}`)
  }
})
