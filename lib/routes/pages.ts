import { existsSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join, posix, relative, sep } from 'node:path'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { loadStatic } from '../optional-packages.ts'
import type { Pages } from './route-options.ts'

// The endings of the compressed files that @fastify/static looks for beside a file, where `preCompressed` is on.
const CODED = ['.br', '.gz', '.deflate']

type Allow = (name: string, root: string, request: FastifyRequest) => boolean

/** Serves the application's own pages. */
export async function servePages (app: FastifyInstance, { root: roots, allowedPath, setHeaders, ...others }: Pages): Promise<void> {
  const isAllowed: Allow = (name, root, request) => allowedPath!(name, root, request)
  const mayServe = permissionOf(roots, others, isAllowed)
  await app.register(await loadStatic(), {
    ...others,
    // A single one: `list` is refused with several.
    root: roots.length === 1 ? roots[0]! : [...roots],
    // The application may have its own @fastify/static, and its `reply.sendFile` is not ours to replace.
    decorateReply: false,
    // @fastify/static awaits neither of these: an error would end the process.
    allowedPath: (path, root, request) => {
      try {
        return mayServe(path, root!, request)
      } catch (err) {
        request.log.error({ err }, 'sse: "static.allowedPath" threw, and counts as a refusal')
        return false
      }
    },
    ...(setHeaders !== undefined && {
      setHeaders: (reply, path, stat) => {
        try {
          setHeaders(reply, path, stat)
        } catch (err) {
          // Not without the headers that this file was to have.
          reply.log.error({ err }, 'sse: "static.setHeaders" threw, and the connection is cut')
          reply.raw.destroy()
        }
      }
    })
  })
}

/** Whether whatever may be served for a path lies in the roots, and the application allows it: @fastify/static asks about the path alone. */
function permissionOf (roots: readonly string[], { preCompressed, extensions = [], index = 'index.html' }: Omit<Pages, 'root'>, isAllowed: Allow): Allow {
  const endings = extensions.map((extension) => `.${extension}`)
  const indexes = index === false ? [] : [index].flat()
  const suffixes = preCompressed === true ? ['', ...CODED] : ['']
  return (path, root, request) => {
    const others = [...endings.map((ending) => path + ending), ...indexes.map((name) => posix.join(path, name))]
    const filesOf = (name: string): string[] => suffixes.map((suffix) => join(root, name + suffix))
    return [path, ...others].every((name) => filesOf(name).every((file) => isWithin(roots, file))) &&
      isAllowed(path, root, request) &&
      others.every((name) => !filesOf(name).some((file) => existsSync(file)) || isAllowed(name, root, request))
  }
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
