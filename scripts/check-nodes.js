// node scripts/check-nodes.js [version …]: the unit tests on other versions of Node, each taken from the package registry.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const VERSIONS = ['20.19', '22', '24']

// Whole journeys; and programs that run with the Node that is on the path, or a compiler, which says the same on each.
const NOT_UNITS = [
  /^(browsers|consumers|examples|faults|flows|hostile|proxies|soak)[\\/]/,
  /(^|[\\/])(package|docs|demo|types|typing|declarations|snippets|safe-promise)\.test\.ts$/
]

const units = readdirSync('test', { recursive: true })
  .filter((name) => name.endsWith('.test.ts') && !NOT_UNITS.some((pattern) => pattern.test(name)))
  .map((name) => join('test', name))

function install (version, folder) {
  const name = `node-${process.platform}-${process.arch}`
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', '--prefix', folder, `${name}@${version}`], { stdio: 'inherit' })
  return join(folder, 'node_modules', name, 'bin/node')
}

const { positionals } = parseArgs({ allowPositionals: true })
const folder = mkdtempSync(join(tmpdir(), 'nodes-'))
try {
  for (const version of positionals.length > 0 ? positionals : VERSIONS) {
    const node = install(version, join(folder, version))
    const { status } = runUnits(node)
    if (status !== 0) process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function runUnits (node) {
  console.log(`--- Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`)
  const args = ['node_modules/.bin/tap', 'run', '--disable-coverage', '--reporter=terse', ...units]
  try {
    execFileSync(node, args, { stdio: 'inherit' })
    return { status: 0 }
  } catch ({ status }) {
    return { status }
  }
}
