import assert from 'node:assert/strict'
import { check } from '../checks.js'
import { node } from '../workplace.js'

const PROGRAM = `
import { createRequire } from 'node:module'
import { connect } from 'node:http2'
import { once } from 'node:events'
import Fastify from 'fastify'
import * as imported from '@sinclair/typebox'
import ssePlugin from 'fastify-typed-sse'
import { openStream } from 'fastify-typed-sse/testing'

const require = createRequire(import.meta.url)
const required = require('@sinclair/typebox')
const requiredPlugin = require('fastify-typed-sse')
console.log('two copies:', ssePlugin !== requiredPlugin && imported.FormatRegistry !== required.FormatRegistry)

// Formats and types that the application registers with one copy of TypeBox are known to the other copy of the plugin.
imported.FormatRegistry.Set('imported', () => true)
required.FormatRegistry.Set('required', () => true)
imported.TypeRegistry.Set('Imported', () => true)
required.TypeRegistry.Set('Required', () => true)
for (const plugin of [ssePlugin, requiredPlugin]) {
  for (const { Kind, Type } of [imported, required]) {
    const events = {
      a: Type.String({ format: 'imported' }), b: Type.String({ format: 'required' }), c: { [Kind]: 'Imported' }, d: { [Kind]: 'Required' }
    }
    const app = Fastify()
    await app.register(plugin, { events })
    const stream = await openStream(app, '/events', { events })
    for (const event of Object.keys(events)) await app.sse.broadcast(event, 'x')
    console.log((await stream.next('d')).data)
    await app.close()
  }
}

// Both in one scope: the error of the second names the first as this plugin.
const twice = Fastify()
await twice.register(ssePlugin)
await twice.register(requiredPlugin).then(() => {}, ({ message }) => console.log(/of this plugin/.test(message)))

// Both in one application: a file that both serve is served once.
const app = Fastify({ http2: true })
await app.register(ssePlugin)
await app.register(async (scope) => {
  await scope.register(requiredPlugin, { path: '/other' })
})

// Both on one HTTP/2 session: each knows the streams of the other.
app.addHook('onRequest', async ({ raw }) => { session = raw.stream.session })
let session
const address = await app.listen({ host: '127.0.0.1', port: 0 })
const client = connect(address)
for (const path of ['/events', '/other']) {
  const stream = client.request({ ':path': path, accept: 'text/event-stream' })
  await once(stream, 'data')
}
console.log(session[Symbol.for('fastify-typed-sse.shared')].streams.size)
client.destroy()
await app.close()
`

export function checkCopies (workplace) {
  check('two copies of the plugin in one process recognize each other', async () => {
    const folder = await workplace.project('copies', { 'main.mjs': PROGRAM }, ['typebox'])
    assert.deepEqual((await node(folder, 'main.mjs')).trim().split('\n'), ['two copies: true', '"x"', '"x"', '"x"', '"x"', 'true', '2'].map((line) => line.replaceAll('"', '')))
  })
}
