// node scripts/check-client-size.js <folder>: prints the sizes of the built browser client. Fails if the module that every page loads is too large.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'

const LIMIT = 4096

const { positionals: [folder] } = parseArgs({ allowPositionals: true })
if (folder === undefined) throw new Error('usage: node scripts/check-client-size.js <folder>')

for (const name of ['client.js', 'fetch-transport.js', 'refusals.js', 'sharing.js']) {
  const file = readFileSync(join(folder, name))
  const { length } = gzipSync(file, { level: 9 })
  console.log(`${name}: ${file.length} bytes, ${length} with gzip`)
  if (name === 'client.js' && length > LIMIT) {
    console.error(`${name} exceeds the limit of ${LIMIT} bytes by ${length - LIMIT} bytes`)
    process.exitCode = 1
  }
}
