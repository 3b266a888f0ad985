// node scripts/coverage.js: how much of each folder the tests run; fails below the bounds. Node counts in every process, those that tests
// start included, and the counts are merged once, at the end. Counting takes memory and time: tests that measure these are left out.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import { Report } from 'c8'
import libCoverage from 'istanbul-lib-coverage'
import { testFiles } from './test-files.js'

const BOUNDS = { lines: 95, branches: 90 }
const FOLDERS = ['lib', 'client', 'brokers'].filter((folder) => existsSync(folder))
const COUNTS = 'coverage/v8'

rmSync('coverage', { recursive: true, force: true })
const files = testFiles(['browsers', 'consumers', 'examples', 'faults', 'proxies', 'soak'])
const { status } = spawnSync(process.execPath, ['node_modules/.bin/tap', 'run', '--reporter=terse', ...files], {
  stdio: 'inherit',
  env: { ...process.env, NODE_V8_COVERAGE: resolve(COUNTS) }
})
if (status !== 0) process.exitCode = 1

const report = new Report({
  tempDirectory: COUNTS,
  reportsDirectory: 'coverage',
  include: FOLDERS.map((folder) => `${folder}/**`),
  reporter: ['text', 'json'],
  reporterOptions: { text: { maxCols: 200 } },
  mergeAsync: true
})
await report.run()

const map = await report.getCoverageMapFromAllCoverageFiles()
for (const folder of FOLDERS) {
  const summary = libCoverage.createCoverageSummary()
  for (const file of map.files().filter((file) => file.startsWith(resolve(folder) + sep))) summary.merge(map.fileCoverageFor(file).toSummary())
  for (const [what, least] of Object.entries(BOUNDS)) {
    const { covered, total, pct } = summary[what]
    console.log(`${folder}: ${pct} % of ${what} (${covered} of ${total}); at least ${least} %`)
    if (!(pct >= least)) process.exitCode = 1
  }
}
