import { existsSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join, posix, relative, sep } from 'node:path'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { loadStatic } from '../optional-packages.ts'
import type { Pages } from './route-options.ts'

// Serves the application's own pages with @fastify/static.

// The suffixes of the compressed files that @fastify/static looks for beside a file if `preCompressed` is on.
const COMPRESSED_SUFFIXES = ['.br', '.gz', '.deflate']

/** Decides whether @fastify/static may serve a path below a root. */
type Allow = (name: string, root: string, request: FastifyRequest) => boolean

/** Serves the application's own pages. */
export async function servePages (app: FastifyInstance, { root: roots, allowedPath, setHeaders, ...others }: Pages): Promise<void> {
  const isAllowed: Allow = (name, root, request) => allowedPath!(name, root, request)
  const mayServe = permissionOf(roots, others, isAllowed)
  await app.register(await loadStatic(), {
    ...others,
    // A single root is passed as text, because @fastify/static refuses `list` with a list of roots.
    root: roots.length === 1 ? roots[0]! : [...roots],
    // The application may have its own @fastify/static, whose `reply.sendFile` must not be replaced.
    decorateReply: false,
    // @fastify/static does not catch errors of the two functions below; they would end the process.
    allowedPath: (path, root, request) => {
      try {
        return mayServe(path, root!, request)
      } catch (err) {
        request.log.error({ err }, 'sse: "static.allowedPath" threw; the path is refused')
        return false
      }
    },
    ...(setHeaders !== undefined && {
      setHeaders: (reply, path, stat) => {
        try {
          setHeaders(reply, path, stat)
        } catch (err) {
          // The file must not be sent without the headers that it should have.
          reply.log.error({ err }, 'sse: "static.setHeaders" threw; the connection is cut')
          reply.raw.destroy()
        }
      }
    })
  })
}

/**
 * Creates a function that allows a path only if every file that might be served for it is within the roots and allowed by the application.
 * @fastify/static itself asks about the path only.
 */
function permissionOf (roots: readonly string[], { preCompressed, extensions = [], index = 'index.html' }: Omit<Pages, 'root'>, isAllowed: Allow): Allow {
  const endings = extensions.map((extension) => `.${extension}`)
  const indexes = index === false ? [] : [index].flat()
  const suffixes = preCompressed === true ? ['', ...COMPRESSED_SUFFIXES] : ['']
  return (path, root, request) => {
    const others = [...endings.map((ending) => path + ending), ...indexes.map((name) => posix.join(path, name))]
    const filesOf = (name: string): string[] => suffixes.map((suffix) => join(root, name + suffix))
    return [path, ...others].every((name) => filesOf(name).every((file) => isWithin(roots, file))) &&
      isAllowed(path, root, request) &&
      others.every((name) => !filesOf(name).some((file) => existsSync(file)) || isAllowed(name, root, request))
  }
}

/** True if a file is within one of the roots after links are resolved. */
function isWithin (roots: readonly string[], path: string): boolean {
  try {
    const real = realPath(path)
    // The roots are resolved for each request, because a deployment may point a root that is a link to another directory.
    return roots.some((root) => {
      const way = relative(realPath(root), real)
      return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
    })
  } catch {
    // A loop of links, an unreadable folder, or a name that is too long. The error is not thrown, because it would reveal the path of the root.
    return false
  }
}

/** Resolves the links in a path; for a path that does not exist, those of the nearest existing folder above it. */
function realPath (path: string): string {
  try {
    return realpathSync.native(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    return realPath(dirname(path))
  }
}
