import { join } from 'node:path'
import { build as esbuild } from 'esbuild'
import { rollup } from 'rollup'
import { build as vite } from 'vite'
import webpack from 'webpack'

const CLIENT = join(import.meta.dirname, '../../../../browser/client.js')
const SPECIFIER = 'fastify-typed-sse/client'

/** Builds `main.js` of a folder, and the modules that it loads on demand, into the folder `out` in it. */
export type Bundle = (folder: string) => Promise<unknown>

/** Bundlers with their defaults, where these include code splitting. */
export const BUNDLERS: Readonly<Record<string, Bundle>> = {
  vite: (root) => vite({
    root,
    configFile: false,
    logLevel: 'error',
    resolve: { alias: { [SPECIFIER]: CLIENT } },
    build: { rolldownOptions: { input: join(root, 'main.js'), output: { entryFileNames: 'main.js' } }, outDir: 'out' }
  }),

  async rollup (folder) {
    const bundle = await rollup({
      input: join(folder, 'main.js'),
      plugins: [{ name: 'client', resolveId: (id) => id === SPECIFIER ? CLIENT : null }],
      onLog (_level, { message }) { throw new Error(message) }
    })
    await bundle.write({ dir: join(folder, 'out'), format: 'es' })
    await bundle.close()
  },

  async esbuild (folder) {
    const { warnings } = await esbuild({
      entryPoints: [join(folder, 'main.js')],
      alias: { [SPECIFIER]: CLIENT },
      outdir: join(folder, 'out'),
      bundle: true,
      splitting: true,
      minify: true,
      format: 'esm',
      logLevel: 'silent'
    })
    if (warnings.length > 0) throw new Error(JSON.stringify(warnings))
  },

  webpack: (folder) => new Promise<void>((resolve, reject) => {
    webpack({
      mode: 'production',
      context: folder,
      entry: './main.js',
      resolve: { alias: { [SPECIFIER]: CLIENT } },
      output: { path: join(folder, 'out'), filename: 'main.js' }
    }, (error, stats) => {
      if (error !== null || stats?.hasErrors() !== false || stats.hasWarnings()) reject(error ?? new Error(stats?.toString()))
      else resolve()
    })
  })
}
