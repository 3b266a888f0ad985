// node scripts/build-client.js <outdir>: the browser client as browsers get it, one file for each entry point.
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const { positionals: [outdir] } = parseArgs({ allowPositionals: true })
if (outdir === undefined) throw new Error('usage: node scripts/build-client.js <outdir>')

/** What is imported on demand stays a file of its own, beside the one that imports it. */
const onDemand = {
  name: 'on-demand',
  setup ({ onResolve }) {
    onResolve({ filter: /^\.\/.*\.ts$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: path.replace(/ts$/, 'js'), external: true } : undefined)
  }
}

// Properties that stay within the client, so that their names may be shortened. Not those of its API, nor of messages between tabs, which
// may have loaded different versions.
const INTERNAL = ['seesComments', 'hasten', 'hear', 'retrying', 'opened', 'lost', 'gone', 'returned', 'shown', 'slept', 'watchPage', 'judge']

await build({
  entryPoints: { client: 'client/index.ts', 'fetch-transport': 'client/fetch-transport.ts', sharing: 'client/sharing.ts' },
  outdir,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  charset: 'utf8',
  minify: true,
  mangleProps: new RegExp(`^(${INTERNAL.join('|')})$`),
  // Without it each file would get names of its own, and what is loaded on demand would not fit.
  mangleCache: Object.fromEntries(INTERNAL.map((name, n) => [name, String.fromCharCode(97 + n)])),
  sourcemap: 'linked',
  plugins: [onDemand],
  logLevel: 'warning'
})
