import assert from 'node:assert/strict'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { check } from '../checks.js'
import { esm, LINES, RESULT } from '../programs.js'
import { node, run } from '../workplace.js'

// Fastify requires modules of Node, and an ES module has no `require`.
const BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); const __filename = import.meta.filename; const __dirname = import.meta.dirname;"

export function checkBundles (workplace) {
  for (const [line, types] of Object.entries(LINES)) {
    for (const format of ['esm', 'cjs']) {
      check(`a server bundled by esbuild (${format}), with ${line} alone, runs without installed packages`, async () => {
        const extension = format === 'esm' ? 'mjs' : 'cjs'
        const name = `bundle-${types.absent.replace('/', '-')}-${format}`
        const folder = await workplace.project(name, { 'main.mjs': esm(types, 'main().then(console.log)') }, [types.absent])
        await run(folder, 'node_modules/.bin/esbuild', ['main.mjs', '--bundle', '--platform=node', '--target=node20', `--format=${format}`,
          `--outfile=server/main.${extension}`, '--log-level=error', ...format === 'esm' ? [`--banner:js=${BANNER}`] : []])
        const alone = await workplace.project(`${name}-alone`, {})
        await mkdir(join(alone, 'server'))
        await rename(join(folder, `server/main.${extension}`), join(alone, `main.${extension}`))
        assert.equal(await node(alone, `main.${extension}`), `${RESULT}\n`)
      })
    }
  }
}
