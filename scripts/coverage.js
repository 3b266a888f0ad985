// node scripts/coverage.js: how much of each folder the tests ran, by the counts in coverage/v8; fails below the bounds. Every process of Node
// whose NODE_V8_COVERAGE is coverage/v8 writes its counts there when it ends, those that tests start included.
import { existsSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import { Report } from 'c8'
import libCoverage from 'istanbul-lib-coverage'

const BOUNDS = { lines: 95, branches: 90 }
const FOLDERS = ['lib', 'client', 'brokers'].filter((folder) => existsSync(folder))

const report = new Report({
  tempDirectory: 'coverage/v8',
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
