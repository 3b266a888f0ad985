// node scripts/check-client-size.js <folder>: the sizes of the built browser client; fails where what every page loads is too large.
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
    console.error(`${name} takes ${length - LIMIT} bytes more than the ${LIMIT} that a page is to load at most`)
    process.exitCode = 1
  }
}
