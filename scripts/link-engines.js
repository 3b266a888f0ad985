// node scripts/link-engines.js: links the drivers that `npm run setup:system` has installed in test/engines, so that the brokers find them. They are
// no dependencies of this package, because their installation needs a compiler.
import { existsSync, rmSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')

for (const name of ['better-sqlite3']) {
  const installed = join(ROOT, 'test/engines/node_modules', name)
  const link = join(ROOT, 'node_modules', name)
  // `npm ci` removes the link, and the next `npm test` makes it again.
  if (!existsSync(installed) || !existsSync(join(ROOT, 'node_modules')) || existsSync(link)) continue
  // A link that leads nowhere.
  rmSync(link, { force: true })
  symlinkSync(installed, link, 'junction')
}
