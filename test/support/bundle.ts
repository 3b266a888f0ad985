import { rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { build } from 'esbuild'

const ROOT = resolve(import.meta.dirname, '../..')
// Two folders below the root, as the files of lib that find others by their own URL.
const FOLDER = join(ROOT, '.tap/programs')

const bundles = new Map<string, Promise<string>>()

/**
 * Bundles a program in TypeScript with everything but its packages. It starts in a fraction of the time that tsx takes for so many files.
 *
 * @returns The path of the bundle, which is removed when this process ends.
 */
export function bundle (file: string): Promise<string> {
  const present = bundles.get(file)
  if (present !== undefined) return present
  const outfile = join(FOLDER, `${basename(file, '.ts')}-${process.pid}.mjs`)
  const bundled = build({ entryPoints: [file], outfile, bundle: true, packages: 'external', platform: 'node', format: 'esm', target: 'node20' }).then(() => outfile)
  process.once('exit', () => rmSync(outfile, { force: true }))
  bundles.set(file, bundled)
  return bundled
}
