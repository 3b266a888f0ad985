import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqliteBroker } from 'fastify-typed-sse/sqlite'
import type { Address, Setup } from '../contract.ts'
import TypedSse from './typed-sse.ts'

const DRIVER = new URL('../../../node_modules/better-sqlite3/package.json', import.meta.url)
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
const hasDriver = major > 22 || (major === 22 && minor >= 13)

/** The plugin with its order in a file of SQLite. */
export default class TypedSseSqlite extends TypedSse {
  override readonly title = 'with sqliteBroker'
  readonly #folder = mkdtempSync(join(tmpdir(), 'bench-'))

  missing (): string | undefined {
    return hasDriver || existsSync(DRIVER) ? undefined : 'better-sqlite3 is not installed: npm run setup:system'
  }

  override async start (setup: Setup): Promise<Address> {
    this.broker = sqliteBroker({ file: join(this.#folder, 'events.db') })
    return super.start(setup)
  }

  override async close (): Promise<void> {
    await super.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
