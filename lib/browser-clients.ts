import { realpathSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { readClientFiles } from './browser-files.ts'
import { serveFiles } from './file-routes.ts'
import { loadStatic } from './optional-packages.ts'
import type { Settings } from './options.ts'
import type { Pages } from './route-options.ts'

/**
 * Serves the browser client, and beside it what it loads on demand.
 *
 * @throws FST_SSE_OPTION_INVALID where it was not built, FST_SSE_PATH_TAKEN
 */
export async function serveClient (app: FastifyInstance, url: string, cors: Settings['cors']): Promise<void> {
  const [client, ...beside] = await readClientFiles('client', url)
  const folder = url.slice(0, url.lastIndexOf('/') + 1)
  await serveFiles(app, [[url, client], ...beside.map((file) => [folder + file.name, file] as const)], {
    cors,
    advice: 'the browser client another URL ("client") or "prefix", or turn it off'
  })
}

// As @fastify/static looks for them beside a file, where `preCompressed` is on.
const CODED = ['.br', '.gz', '.deflate']

/** Serves the application's own pages. */
export async function servePages (app: FastifyInstance, { root: roots, allowedPath, ...others }: Pages): Promise<void> {
  const endings = endingsOf(others)
  await app.register(await loadStatic(), {
    ...others,
    // A single one: `list` is refused with several.
    root: roots.length === 1 ? roots[0]! : [...roots],
    // The application may have its own @fastify/static, and its `reply.sendFile` is not ours to replace.
    decorateReply: false,
    allowedPath: (path, root, request) =>
      endings.every((ending) => isWithin(roots, join(root!, path + ending))) && allowedPath!(path, root, request)
  })
}

/** What stands behind a requested path in the names of files that may be served for it: @fastify/static asks `allowedPath` about the path alone. */
function endingsOf ({ preCompressed, extensions = [], index = 'index.html' }: Omit<Pages, 'root'>): string[] {
  const indexes = index === false ? [] : [index].flat().map((name) => `/${name}`)
  const suffixes = preCompressed === true ? ['', ...CODED] : ['']
  return ['', ...extensions.map((extension) => `.${extension}`), ...indexes].flatMap((ending) => suffixes.map((suffix) => ending + suffix))
}

/** Whether a file lies in one of the roots, wherever links lead to. */
function isWithin (roots: readonly string[], path: string): boolean {
  try {
    const real = realPath(path)
    // Resolved for each request: a deployment may turn a root that is a link itself to another directory.
    return roots.some((root) => {
      const way = relative(realPath(root), real)
      return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
    })
  } catch {
    // A loop of links, a folder that may not be read, a name that is too long: the error would tell where the root is.
    return false
  }
}

/** A path without links. For one that does not exist: that of the nearest folder above it which does. */
function realPath (path: string): string {
  try {
    return realpathSync.native(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    return realPath(dirname(path))
  }
}
