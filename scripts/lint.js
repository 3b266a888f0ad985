// npm run lint: all linters at the same time. Prints the findings of those that fail, and fails with them.
import { exec } from 'node:child_process'
import { promisify } from 'node:util'

const LINTERS = [
  'eslint . --cache --cache-strategy content --cache-location node_modules/.cache/eslint/',
  'cspell lint --quiet',
  'markdownlint-cli2',
  'knip --treat-config-hints-as-errors'
]

const run = promisify(exec)

await Promise.all(LINTERS.map(async (linter) => {
  try {
    await run(linter, { maxBuffer: 2 ** 24 })
  } catch ({ stdout, stderr }) {
    console.error(`--- ${linter}\n${stdout}${stderr}`)
    process.exitCode = 1
  }
}))
