// node scripts/build-client.js <outdir>: builds the browser client, minified, with one file for each entry point.
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const { positionals: [outdir] } = parseArgs({ allowPositionals: true })
if (outdir === undefined) throw new Error('usage: node scripts/build-client.js <outdir>')

/** Keeps modules that are imported on demand in files of their own, beside the file that imports them. */
const onDemand = {
  name: 'on-demand',
  setup ({ onResolve }) {
    onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: `./${basename(path, '.ts')}.js`, external: true } : undefined)
  }
}

// Properties that are internal to the client, and their names in the build. Properties of its API and of messages between tabs, which may have
// loaded different versions, keep their names, and so do names that the platform uses: `request` is also a method of `navigator.locks`. A page
// may load modules of different versions: never give a letter another meaning.
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
  // Gives a property one name in all files: a module that is loaded on demand must fit the main module.
  mangleCache: INTERNAL,
  sourcemap: 'linked',
  plugins: [onDemand],
  logLevel: 'warning'
})
