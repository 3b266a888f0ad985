import assert from 'node:assert/strict'
import { check } from '../checks.js'
import { cjs, esm, LINES, RESULT } from '../programs.js'
import { node } from '../workplace.js'

export function checkPrograms (workplace) {
  for (const [line, types] of Object.entries(LINES)) {
    check(`ES modules and CommonJS modules run with ${line} alone`, async () => {
      const folder = await workplace.project(`run-${types.absent.replace('/', '-')}`, { 'main.mjs': esm(types), 'main.cjs': cjs(types) }, [types.absent])
      assert.equal(await node(folder, 'main.mjs'), `${RESULT}\n`)
      assert.equal(await node(folder, 'main.cjs'), `${RESULT}\n`)
    })
  }

  check('without TypeBox any event is sent, and a schema is refused with the name of the package that it needs', async () => {
    const folder = await workplace.project('run-neither', {
      'main.mjs': `
        import Fastify from 'fastify'
        import ssePlugin from 'fastify-typed-sse'
        const app = Fastify()
        await app.register(ssePlugin)
        console.log((await app.sse.broadcast('any', 1)).id !== null)
        const kinds = { [Symbol.for('TypeBox.Kind')]: 'String', '~kind': 'String' }
        for (const key of Reflect.ownKeys(kinds)) {
          await Fastify().register(ssePlugin, { events: { a: { type: 'string', [key]: 'String' } } }).then(() => {}, ({ message }) => console.log(message))
        }
        await app.close()`
    }, ['typebox', '@sinclair/typebox'])
    const said = await node(folder, 'main.mjs')
    assert.match(said, /^true\n.*"a".*needs the package "typebox", which is not installed\n.*"a".*needs the package "@sinclair\/typebox", which is not installed\n$/)
  })

  check('the package brings no driver: brokers are there in both module formats, and name the package that they need', async () => {
    const without = await brokerPrograms(workplace, 'run-brokers', ['better-sqlite3'])
    for (const file of PROGRAMS) {
      const pattern = /^true\nFST_SSE_DRIVER_MISSING .*redis.*ioredis.*\n(?:FST_SSE_DRIVER_MISSING .*sqlite.*better-sqlite3.*|started)\n$/
      assert.match(await node(without, file), pattern, file)
    }
  })

  check('on Node 20 the SQLite broker refuses a driver that would end the process, and names the version that it needs', async () => {
    const folder = await brokerPrograms(workplace, 'run-new-driver', [])
    for (const file of PROGRAMS) assert.match(await node(folder, file), /\n(?:FST_SSE_DRIVER_MISSING .*sqlite.*better-sqlite3@12.*|started)\n$/, file)
  })
}

const PROGRAMS = ['main.mjs', 'main.cjs']

/** Creates programs that start each broker, and print the outcome. @param {string[]} without The packages to leave out. */
function brokerPrograms (workplace, name, without) {
  const steps = `
    await app.register(ssePlugin)
    console.log((await app.sse.broadcast('any', 1)).id !== null)
    for (const broker of [redisBroker(), sqliteBroker({ file: 'events.db' })]) {
      const other = Fastify()
      await other.register(ssePlugin, { broker }).then(() => console.log('started'), ({ code, message }) => console.log(code, message))
      await other.close()
    }
    await app.close()`
  return workplace.project(name, {
    'main.mjs': `
      import Fastify from 'fastify'
      import ssePlugin from 'fastify-typed-sse'
      import { redisBroker } from 'fastify-typed-sse/redis'
      import { sqliteBroker } from 'fastify-typed-sse/sqlite'
      const app = Fastify()
      ${steps}`,
    'main.cjs': `
      const Fastify = require('fastify')
      const ssePlugin = require('fastify-typed-sse')
      const { redisBroker } = require('fastify-typed-sse/redis')
      const { sqliteBroker } = require('fastify-typed-sse/sqlite')
      void (async () => {
        const app = Fastify()
        ${steps}
      })()`
  }, without)
}
