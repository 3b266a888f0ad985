import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Fastify, { type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { start } from './server.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** Every file below a folder, by its relative path. */
function filesIn (folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

for (const inspector of [true, '/look/'] as const) {
  t.test(`a hook of the scope protects every file of the inspector at ${inspector === true ? 'its default' : inspector}, and lets its users in`, async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    await app.register(async (scope) => {
      scope.addHook('onRequest', async (request, reply) => {
        if (request.headers.authorization !== 'Bearer mine') return reply.code(401).send('who are you?')
      })
      await scope.register(ssePlugin, { inspector })
    }, { prefix: '/inner' })
    const folder = `/inner${inspector === true ? '/sse/' : inspector}`
    const files = ['', 'events.json', ...filesIn(join(ROOT, 'public/inspector')).filter((name) => name !== 'index.html'), ...readdirSync(join(ROOT, 'browser')).filter((name) => !name.endsWith('.ts'))]
    t.ok(files.length > 10, files.join(' '))
    for (const file of files) {
      const url = `${folder}${file}`
      for (const path of [url, url.replace('/inner', '/inner/.'), `${url}?authorization=Bearer%20mine`]) {
        for (const method of ['GET', 'HEAD'] as const) {
          const { statusCode, body } = await app.inject({ method, url: path })
          if (statusCode !== 401 && statusCode !== 404) t.fail('a file is served to a stranger', { method, path, statusCode })
          if (statusCode === 401) t.equal(body, method === 'GET' ? 'who are you?' : '')
        }
      }
      t.equal((await app.inject({ url, headers: { range: 'bytes=0-10', 'if-none-match': '*' } })).statusCode, 401, url)
      t.equal((await app.inject(url)).statusCode, 401, url)
    }
    for (const file of ['', 'events.json', 'client.js', 'inspector.css']) {
      t.equal((await app.inject({ url: `${folder}${file}`, headers: { authorization: 'Bearer mine' } })).statusCode, 200, file)
    }
  })
}

t.test('a request that an application hook refuses gets no CORS headers of the plugin, and no stream', async (t) => {
  const options: SsePluginOptions[] = [{}, { cors: { origin: ['https://a.test'], credentials: true } }, { cors: { origin: true } }]
  for (const one of options) {
    for (const failure of ['sent', 'thrown'] as const) {
      const app = Fastify()
      t.after(() => app.close())
      app.addHook('onRequest', async (request, reply) => {
        if (request.headers.authorization !== undefined) return
        if (failure === 'sent') return reply.code(401).send('who are you?')
        throw Object.assign(new Error('who are you?'), { statusCode: 401 })
      })
      await app.register(ssePlugin, one)
      const refused = await app.inject({ url: '/events', headers: { origin: 'https://a.test' } })
      t.equal(refused.statusCode, 401)
      t.strictSame(Object.keys(refused.headers).filter((name) => name.startsWith('access-control')), [])
      t.notMatch(String(refused.headers['content-type']), 'event-stream')
      const letIn = await app.inject({ method: 'HEAD', url: '/events', headers: { origin: 'https://a.test', authorization: 'mine' } })
      t.ok(letIn.headers['access-control-allow-origin'], 'an accepted request has CORS headers')
    }
  }
})

t.test('`maxSubscribersPerKey`', async (t) => {
  const options: SsePluginOptions = { maxSubscribersPerKey: 2, overload: 'reject' }
  const statuses = async (t: Test, ofServer: FastifyServerOptions, addresses: readonly string[]): Promise<number[]> => {
    const { app, port } = await start(t, options, ofServer)
    const seen: number[] = []
    for (const address of addresses) {
      // A connection of the proxy; each accepted reader keeps its stream.
      const abort = new AbortController()
      t.after(() => abort.abort())
      const answer = await fetch(`http://127.0.0.1:${port}/events`, { headers: { 'x-forwarded-for': address }, signal: abort.signal })
      seen.push(answer.status)
    }
    t.equal(app.sse.count(), seen.filter((status) => status === 200).length)
    return seen
  }

  t.test('counts by the address that a trusted proxy reports', async (t) => {
    const addresses = ['203.0.113.1', '203.0.113.1', '203.0.113.2', '203.0.113.1', '203.0.113.2', '203.0.113.2']
    t.strictSame(await statuses(t, { trustProxy: '127.0.0.1' }, addresses), [200, 200, 200, 503, 200, 503])
  })

  t.test('ignores addresses that a reader puts in front of the one that the proxy reports', async (t) => {
    const addresses = ['198.51.100.1, 203.0.113.1', '198.51.100.2, 203.0.113.1', '198.51.100.3, 203.0.113.1']
    t.strictSame(await statuses(t, { trustProxy: '127.0.0.1' }, addresses), [200, 200, 503])
  })

  for (const [title, ofServer] of [['no proxy is', {}], ['another proxy is', { trustProxy: '192.0.2.7' }]] as const) {
    t.test(`counts by the address of the connection if ${title} trusted`, async (t) => {
      t.strictSame(await statuses(t, ofServer, ['203.0.113.1', '203.0.113.2', '203.0.113.3']), [200, 200, 503])
    })
  }
})
