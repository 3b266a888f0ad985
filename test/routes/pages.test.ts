import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin from '../../plugin.ts'
import type { StaticOptions } from '../../lib/routes/route-options.ts'
import { listen, RawReader, type RawAnswer } from '../flows/raw-reader.ts'

const SECRET = 'a-secret'

interface Site {
  /** The folder of the pages. */
  readonly root: string
  /** A folder next to it. */
  readonly outside: string
  /** Serves the pages at `/`. */
  serve (options?: Partial<StaticOptions>): Promise<(path: string, headers?: string) => Promise<RawAnswer>>
}

function build (t: Test): Site {
  const folder = t.testdir({
    pages: {
      'index.html': '<p>index',
      'page.js': 'export {}',
      '.env': SECRET,
      '.git': { config: SECRET },
      deep: { 'page.html': '<p>deep', '.env': SECRET },
      '.well-known': { 'security.txt': 'contact' }
    },
    outside: { 'secret.txt': SECRET, 'index.html': SECRET, 'secret.br': SECRET }
  })
  const root = join(folder, 'pages')
  return {
    root,
    outside: join(folder, 'outside'),
    serve: async (options = {}) => {
      const app = Fastify()
      await app.register(ssePlugin, { client: false, static: { root, ...options } })
      const port = await listen(t, app)
      return async (path, headers = '') => {
        const reader = await RawReader.connect(t, port)
        await reader.ask(`GET ${path}${headers}`).sees(({ answers: [answer] }) => answer?.complete === true)
        reader.socket.destroy()
        return reader.answers[0]!
      }
    }
  }
}

const HIDDEN = ['/.env', '/.git/config', '/.git/', '/.git', '/deep/.env', '/.well-known/security.txt']

// Other spellings of these and other paths outside. A spelling that is no path of a file may also get 403.
const DISGUISED = [
  '/%2eenv', '/.%65nv', '/%2E%65%6e%76', '/.env/', '/.env.', '/.env%20', '/.env%2e', '/.env%00', '/.env%00.html', '/.ENV', '//.env', '/./.env',
  '/%2e/.env', '/deep/../.env', '/deep/%2e%2e/.env', '/deep/..%2f.env', '/deep/..%5c.env', '/deep/%2e%2e%2f.env', '/deep//.env', '/.env;', '/.env?.html',
  '/%2egit/config', '/.git%2fconfig', '/%252eenv', '/..%2fpages%2f.env', '/%2e%2e/pages/.env', '/../pages/.env', '/%2e%2e%2foutside%2fsecret.txt',
  '/../outside/secret.txt', '/.../outside/secret.txt', '/..;/outside/secret.txt', '/deep/....//....//outside/secret.txt', '/%c0%ae%c0%ae/outside/secret.txt'
]

t.test('a file or folder whose name begins with a dot is not found by default', async (t) => {
  const ask = await build(t).serve()
  for (const path of HIDDEN) {
    const { status, body } = await ask(path)
    t.equal(status, 404, path)
    t.notMatch(body, SECRET)
  }
  for (const path of DISGUISED) {
    const { status, body } = await ask(path)
    t.ok(status >= 400 && status < 500, `${path} is answered with ${status}`)
    t.notMatch(body, SECRET, path)
  }
  t.equal((await ask('/deep/page.html')).body, '<p>deep')
})

t.test('`dotfiles: \'allow\'` serves them', async (t) => {
  const ask = await build(t).serve({ dotfiles: 'allow' })
  t.equal((await ask('/.well-known/security.txt')).body, 'contact')
})

const SETTINGS: ReadonlyArray<readonly [title: string, options: Partial<StaticOptions>]> = [
  ['', {}], [', without a wildcard route', { wildcard: false }], [', with precompressed files', { preCompressed: true }],
  [', with extensions', { extensions: ['txt'] }], [', with other index files', { index: ['none.html', 'index.html'] }]
]

for (const [title, options] of SETTINGS) {
  t.test(`a symbolic link that leads out of the root is not found${title}`, async (t) => {
    const site = build(t)
    const { root, outside } = site
    symlinkSync(join(outside, 'secret.txt'), join(root, 'file.txt'))
    symlinkSync(outside, join(root, 'folder'))
    symlinkSync('../outside/secret.txt', join(root, 'relative.txt'))
    symlinkSync(join(root, 'folder'), join(root, 'twice'))
    mkdirSync(join(root, 'index'))
    symlinkSync(join(outside, 'index.html'), join(root, 'index/index.html'))
    symlinkSync(join(outside, 'secret.br'), join(root, 'page.js.br'))
    symlinkSync(join(root, 'loop'), join(root, 'loop'))
    const ask = await site.serve(options)
    const paths = ['/file.txt', '/file', '/folder/secret.txt', '/folder/', '/folder', '/folder/none', '/relative.txt', '/twice/secret.txt', '/index/', '/index', '/index/index.html', '/loop']
    for (const path of [...paths, '/page.js.br']) {
      const { status, body } = await ask(path, '\naccept-encoding: br')
      t.equal(status, 404, path)
      t.notMatch(body, SECRET)
      t.notMatch(body, root, 'the response does not show the root')
    }
    t.notMatch((await ask('/page.js', '\naccept-encoding: br')).body, SECRET)
    t.equal((await ask('/')).body, '<p>index')
  })
}

t.test('a symbolic link within the roots is followed, even if a root is itself a link', async (t) => {
  const site = build(t)
  const { root, outside } = site
  symlinkSync(join(root, 'deep/page.html'), join(root, 'link.html'))
  symlinkSync(join(outside, 'secret.txt'), join(root, 'shared.txt'))
  symlinkSync(root, `${root}-current`)
  const ask = await site.serve({ root: [`${root}-current`, outside] })
  t.equal((await ask('/link.html')).body, '<p>deep')
  t.equal((await ask('/shared.txt')).body, SECRET, 'from one root into the other')
  t.equal((await ask('/secret.txt')).body, SECRET)

  mkdirSync(`${root}-next`)
  writeFileSync(join(`${root}-next`, 'page.js'), 'next')
  symlinkSync(`${root}-next`, `${root}-new`)
  renameSync(`${root}-new`, `${root}-current`)
  t.equal((await ask('/page.js')).body, 'next', 'the target of the root may change')
})

t.test('`allowedPath` of the application is called, and cannot let a link out of the root', async (t) => {
  const site = build(t)
  symlinkSync(join(site.outside, 'secret.txt'), join(site.root, 'file.txt'))
  const asked: string[] = []
  const ask = await site.serve({ allowedPath: (path, root, request) => asked.push(`${path} ${root} ${request.method}`) > 0 && path !== '/page.js' })
  t.equal((await ask('/page.js')).status, 404)
  t.equal((await ask('/deep/page.html')).status, 200)
  t.equal((await ask('/file.txt')).status, 404)
  t.strictSame(asked.slice(0, 2), [`/page.js ${site.root} GET`, `/deep/page.html ${site.root} GET`])
})

t.test('a folder is listed only if the application says so, and a listing neither shows dotfiles nor leaves the root', async (t) => {
  const site = build(t)
  symlinkSync(site.outside, join(site.root, 'folder'))
  const silent = await site.serve()
  for (const path of ['/deep/', '/deep']) t.equal((await silent(path)).status, 404, path)

  const ask = await site.serve({ index: false, list: { format: 'json', names: ['list', '/'] } })
  t.strictSame(JSON.parse((await ask('/deep/')).body), { dirs: [], files: ['page.html'] })
  t.notMatch((await ask('/')).body, /env|git/)
  for (const path of ['/folder/', '/folder/list']) t.equal((await ask(path)).status, 404, path)
})

t.test('further options of @fastify/static pass through', async (t) => {
  const site = build(t)
  const ask = await site.serve({
    root: pathToFileURL(site.root),
    extensions: ['html'],
    maxAge: 60_000,
    setHeaders: (reply) => { reply.header('x-page', 'yes') }
  })
  const { headers, body } = await ask('/deep/page')
  t.equal(body, '<p>deep')
  t.match(headers, { 'cache-control': ['public, max-age=60'], 'x-page': ['yes'] })
})

t.test('`allowedPath` gets the file that would be served, whatever the path of the request', async (t) => {
  const site = build(t)
  mkdirSync(join(site.root, 'admin'))
  writeFileSync(join(site.root, 'admin/index.html'), SECRET)
  writeFileSync(join(site.root, 'private.html'), SECRET)
  writeFileSync(join(site.root, 'private.html.br'), SECRET)
  for (const preCompressed of [false, true]) {
    const ask = await site.serve({
      extensions: ['html'],
      preCompressed,
      redirect: true,
      allowedPath: (path) => path !== '/private.html' && path !== '/admin/index.html'
    })
    for (const path of ['/private.html', '/private', '/admin/index.html', '/admin/', '/admin']) {
      const { status, body } = await ask(path, '\naccept-encoding: br')
      t.equal(status, 404, path)
      t.notMatch(body, SECRET, path)
    }
    t.equal((await ask('/deep/page')).body, '<p>deep')
  }
})

t.test('an error in a function of the application ends only its own request', async (t) => {
  const site = build(t)
  const refused = await site.serve({ allowedPath: (path) => !decodeURIComponent(path).startsWith('/admin') })
  t.equal((await refused('/%25')).status, 404)
  t.equal((await refused('/')).body, '<p>index')
  const app = Fastify()
  await app.register(ssePlugin, { client: false, static: { root: site.root, setHeaders: () => { throw new Error('setHeaders') } } })
  const reader = await RawReader.connect(t, await listen(t, app))
  reader.ask('GET /page.js')
  await reader.seesClose()
  t.strictSame(reader.answers, [])
})

t.test('an invalid option that @fastify/static would notice too late is refused at registration', async (t) => {
  const root = build(t).root
  const wrong = { index: null, extensions: 'html', preCompressed: 'yes', setHeaders: {}, maxAge: {}, redirect: 1, allowedPath: 'all', globIgnore: 'x' }
  for (const [name, value] of Object.entries(wrong)) {
    await t.rejects(async () => { await Fastify().register(ssePlugin, { client: false, static: { root, [name]: value } }) }, {
      code: 'FST_SSE_OPTION_INVALID', message: new RegExp(`"static.${name}"`)
    }, name)
  }
})
