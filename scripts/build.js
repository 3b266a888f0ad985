// node scripts/build.js: builds the published package in dist/: both halves of each entry point (ES module and CommonJS), the files for
// browsers, and one tree of types.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { build } from 'esbuild'

const DIST = 'dist'
const ENTRIES = { plugin: 'plugin.ts', testing: 'testing/index.ts', redis: 'brokers/redis/index.ts', sqlite: 'brokers/sqlite/index.ts' }

const run = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit' })

/** The folders of files for browsers, by the name that `readPluginFiles` in lib/routes/plugin-files.ts gives them. */
const FOLDERS_FOR_BROWSERS = { browser: join(DIST, 'browser'), 'public/inspector': 'public/inspector' }

/** Makes a module with the interface of lib/routes/plugin-files.ts that contains the files themselves. All of them are text. */
function pluginFilesModule () {
  const folders = Object.entries(FOLDERS_FOR_BROWSERS).map(([name, folder]) => {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.endsWith('.cjs'))
    const paths = entries.map(({ parentPath, name }) => join(parentPath, name))
    const files = paths.map((path) => [relative(folder, path).replaceAll(sep, '/'), readFileSync(path, 'utf8')])
    return [name, Object.fromEntries(files)]
  })
  return `'use strict'
const FOLDERS = ${JSON.stringify(Object.fromEntries(folders), null, 1)}
exports.readPluginFiles = async (folder) => new Map(Object.entries(FOLDERS[folder]).map(([name, text]) => [name, Buffer.from(text)]))
`
}

/** Lets both halves share one module of files. */
const pluginFiles = {
  name: 'plugin-files',
  setup ({ onResolve }) {
    onResolve({ filter: /\/plugin-files\.ts$/ }, () => ({ path: './plugin-files.cjs', external: true }))
  }
}

/** Loads optional packages by `require`: a CommonJS program gets their CommonJS half, and some test runners have no `import()`. */
const requirePackages = {
  name: 'require-packages',
  setup ({ onLoad }) {
    onLoad({ filter: /optional-packages\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      const contents = source.replaceAll(/await import\(('[^']+')\)/g, 'require($1)')
      if (contents === source) throw new Error(`${basename(path)} imports no package`)
      return { contents, loader: 'ts' }
    })
  }
}

const SHARED = {
  outdir: DIST,
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20',
  charset: 'utf8',
  logLevel: 'warning'
}

function buildModules () {
  return build({ ...SHARED, entryPoints: ENTRIES, format: 'esm', splitting: true, chunkNames: 'shared-[hash]', plugins: [pluginFiles] })
}

async function buildCommonJs () {
  const common = {
    ...SHARED,
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    plugins: [pluginFiles, requirePackages],
    // CommonJS has no `import.meta`. The search for other copies of TypeBox needs it in ES modules only.
    define: { 'import.meta.url': 'undefined' }
  }
  const { plugin, ...others } = ENTRIES
  // The brokers look for their drivers from here.
  await build({ ...common, entryPoints: others, define: { 'import.meta.url': '__filename' } })
  // `require` returns the plugin function, with the other exports as its properties, like Fastify's own plugins.
  const footer = { js: 'module.exports = Object.assign(module.exports.default, module.exports)\nmodule.exports.default = module.exports' }
  await build({ ...common, entryPoints: { plugin }, footer })
}

/** Builds the client for programs that require it, in one file: it is not loaded over a network. */
function buildCommonJsClient () {
  return build({
    ...SHARED,
    outdir: join(DIST, 'browser'),
    entryPoints: { client: 'client/index.ts' },
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    define: { 'import.meta.url': 'undefined' }
  })
}

/** Writes one tree of declarations for CommonJS modules, which both halves may import, and for each entry point a file of each format. */
function writeTypes () {
  const types = join(DIST, 'types')
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json')
  writeFileSync(join(types, 'package.json'), '{ "type": "commonjs" }\n')
  const entries = { plugin: 'plugin', testing: 'testing/index', client: 'client/index', redis: 'brokers/redis/index', sqlite: 'brokers/sqlite/index' }
  for (const [name, path] of Object.entries(entries)) {
    const source = `'./types/${path}.js'`
    const text = `export * from ${source}\n`
    const isPlugin = name === 'plugin'
    writeFileSync(join(DIST, `${name}.d.ts`), isPlugin ? `${text}export { ssePlugin as default } from ${source}\n` : text)
    writeFileSync(join(DIST, `${name}.d.cts`), isPlugin ? requiredPlugin(source, readFileSync(join(types, `${path}.d.ts`), 'utf8')) : text)
  }
}

/**
 * Makes the types of the value that `require` returns: the plugin function, with the other exports as its properties. An application can
 * augment only an interface that the namespace names, and a namespace cannot contain `export *`.
 *
 * @param {string} source The module of the exports, as a quoted specifier.
 * @param {string} declared The text of the module's declarations.
 * @returns {string} The text of the declaration file.
 */
function requiredPlugin (source, declared) {
  const [doc] = declared.match(/\/\*\*(?:(?!\*\/)[^])*\*\/\n(?=declare const ssePlugin:)/)
  const exported = [...declared.matchAll(/^export (?:type )?\{ (.*) \}/gm)].flatMap(([, names]) => names.split(', '))
  const names = exported.filter((name) => name !== 'ssePlugin').join(', ')
  return `import { ssePlugin as plugin, ${names} } from ${source}
${doc}declare function ssePlugin (...args: Parameters<typeof plugin>): ReturnType<typeof plugin>
declare namespace ssePlugin {
  export { ${names}, ssePlugin, ssePlugin as default }
}
export = ssePlugin
`
}

rmSync(DIST, { recursive: true, force: true })
mkdirSync(DIST)
run('scripts/build-client.js', join(DIST, 'browser'))
writeFileSync(join(DIST, 'plugin-files.cjs'), pluginFilesModule())
await Promise.all([buildModules(), buildCommonJs(), buildCommonJsClient()])
writeTypes()
