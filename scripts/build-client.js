// node scripts/build-client.js <outdir>: the browser client as browsers get it, one file for each entry point.
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const { positionals: [outdir] } = parseArgs({ allowPositionals: true })
if (outdir === undefined) throw new Error('usage: node scripts/build-client.js <outdir>')

/** What is imported on demand stays a file of its own, beside the one that imports it. */
const onDemand = {
  name: 'on-demand',
  setup ({ onResolve }) {
    onResolve({ filter: /^\.\/.*\.ts$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: `./${basename(path, '.ts')}.js`, external: true } : undefined)
  }
}

// Properties that stay within the client, and what they are called in what is built. Not those of its API, nor of messages between tabs,
// which may have loaded different versions, nor any that the platform has: `request` would be that of `navigator.locks` as well. A page may
// get a module of one version from another: never give a letter another meaning.
const INTERNAL = {
  seesComments: 'a',
  retryNow: 'b',
  listenTo: 'c',
  retrying: 'd',
  opened: 'e',
  lost: 'f',
  gone: 'g',
  returned: 'h',
  shown: 'i',
  slept: 'j',
  watchPage: 'k',
  classifyResponse: 'l',
  comment: 'n',
  sign: 'o',
  retry: 'p',
  resumeQuery: 'q',
  types: 'r',
  ended: 't',
  wait: 'u',
  left: 'v',
  transport: 'w',
  requestStream: 'x',
  began: 'y'
}

await build({
  entryPoints: {
    client: 'client/index.ts',
    'fetch-transport': 'client/transport/fetch-transport.ts',
    refusals: 'client/transport/refusals.ts',
    sharing: 'client/sharing/sharing.ts'
  },
  outdir,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  charset: 'utf8',
  minify: true,
  mangleProps: new RegExp(`^(${Object.keys(INTERNAL).join('|')})$`),
  // Without it each file would get names of its own, and what is loaded on demand would not fit.
  mangleCache: INTERNAL,
  sourcemap: 'linked',
  plugins: [onDemand],
  logLevel: 'warning'
})
