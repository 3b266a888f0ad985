// node scripts/check-nodes.js [version …]: the unit tests on other versions of Node, each taken from the package registry.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const VERSIONS = ['20.19', '22', '24']

// Folders whose tests take long, or run a compiler or the Node that is on the path.
const WITHOUT = ['browsers', 'consumers', 'demo', 'examples', 'faults', 'flows', 'hostile', 'proxies', 'repository', 'soak', 'types']

// The driver of SQLite depends on the version of Node; Redis does not, nor do runs of several nodes.
const isLong = (path) => WITHOUT.includes(path.split('/')[1]) || /^test\/(brokers\/(redis\/|.*\/(kills|model)\.)|runs\/(cuts|faults|nodes)\.)/.test(path)

const units = execFileSync('npx', ['tap', 'list'], { encoding: 'utf8' }).trim().split('\n').filter((path) => !isLong(path))

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
