import { execFile, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { EventSource } from 'eventsource'
import t, { type Test } from 'tap'
import { ts } from '../../scripts/house/compiler.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  name: string, version: string, dependencies: Record<string, string>, peerDependencies: Record<string, string>
}
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

/** Runs Node and returns its standard output and standard error together: a warning is a failure here. */
async function run (cwd: string, ...args: string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd, env: { PATH: process.env.PATH } })
    return stdout + stderr
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string, stderr: string }
    throw new Error(`${args.join(' ')}\n${stdout}${stderr}`)
  }
}

const packed = t.testdir()
execFileSync('npm', ['pack', '--silent', '--pack-destination', packed], { cwd: ROOT, stdio: 'pipe' })
const tarball = join(packed, `${manifest.name}-${manifest.version}.tgz`)

/** Creates a folder with the packed plugin and only its declared dependencies installed. */
function createConsumer (t: Test, { without = [] as string[] } = {}): string {
  const folder = t.testdir({ 'package.json': JSON.stringify({ name: 'consumer', type: 'module' }) })
  const installed = join(folder, 'node_modules', manifest.name)
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, '@types/node': '' })
  for (const name of declared.filter((name) => !without.includes(name))) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), link)
  }
  return folder
}

const PROGRAM = `
import Fastify from 'fastify'
import { Type } from '@sinclair/typebox'
import ssePlugin, { defineEvents, EVERYBODY, type EventsOf } from 'fastify-typed-sse'
import { openStream } from 'fastify-typed-sse/testing'

const events = defineEvents({ tick: Type.Object({ n: Type.Number() }) })
declare module 'fastify-typed-sse' { interface Events extends EventsOf<typeof events> {} }

const app = Fastify()
await app.register(ssePlugin, { events })
const stream = await openStream(app, '/events', { events })
await app.sse.broadcast('tick', { n: 1 })
const { data } = await stream.next('tick')
console.log(data.n + 1, EVERYBODY, app.sse.count())
// @ts-expect-error: an event that is not declared
app.sse.broadcast('tock', 1)
await app.close()
`

t.test('an installed package can be imported together with its testing helper', async (t) => {
  const folder = createConsumer(t, { without: ['typebox'] })
  const program = PROGRAM.replace(/, type EventsOf/, '').replace(/^declare module.*$/m, '')
  writeFileSync(join(folder, 'main.js'), program)
  t.equal(await run(folder, 'main.js'), '2 * 1\n')
})

const CLIENT_PROGRAM = `
import Fastify from 'fastify'
import { Type } from '@sinclair/typebox'
import ssePlugin, { defineEvents } from 'fastify-typed-sse'
import { connect } from 'fastify-typed-sse/client'

const events = defineEvents({ message: Type.String(), tick: Type.Object({ n: Type.Number() }) })

const app = Fastify()
await app.register(ssePlugin, { events, inspector: true, shutdownTimeout: 0 })
const address = await app.listen({ host: '127.0.0.1', port: 0 })
const stream = connect<typeof events>(new URL('/events', address), { headers: {}, text: ['message'] })
stream.on('sse.open', () => { app.sse.of(events).broadcast('tick', { n: 1 }) })
for await (const { n } of stream.events('tick')) {
  console.log(n + 1)
  stream.close()
}
for (const url of ['/sse/', '/sse/client.js', '/sse/events.json']) console.log(url, (await fetch(address + url)).status)
// @ts-expect-error: an event that is not declared
stream.on('tock', () => {})
await app.close()
`

t.test('an installed package exports the browser client, and serves it and the inspector', async (t) => {
  const folder = createConsumer(t, { without: ['typebox'] })
  writeFileSync(join(folder, 'main.js'), CLIENT_PROGRAM.replace('<typeof events>', ''))
  t.equal(await run(folder, 'main.js'), '2\n/sse/ 200\n/sse/client.js 200\n/sse/events.json 200\n')
})

t.test('the published browser client passes the size check, and a larger one fails it', async (t) => {
  const installed = join(createConsumer(t), 'node_modules', manifest.name)
  const sizes = await run(installed, join(ROOT, 'scripts/check-client-size.js'), 'dist/browser')
  t.comment(sizes)
  t.match(sizes, /^client\.js: \d+ bytes, \d+ with gzip\nfetch-transport\.js: .*\nrefusals\.js: .*\nsharing\.js: .*\n$/)
  const grown = join(installed, 'dist/browser/client.js')
  writeFileSync(grown, `${readFileSync(grown, 'latin1')}//${Array.from({ length: 2000 }, () => Math.random()).join()}`)
  await t.rejects(run(installed, join(ROOT, 'scripts/check-client-size.js'), 'dist/browser'), { message: /client\.js exceeds the limit of 4096 bytes/ })
})

t.test('an installed package serves the client and the inspector without dist/browser', async (t) => {
  const folder = createConsumer(t, { without: ['typebox'] })
  rmSync(join(folder, 'node_modules', manifest.name, 'dist/browser'), { recursive: true })
  writeFileSync(join(folder, 'main.js'), `
    import Fastify from 'fastify'
    import ssePlugin from 'fastify-typed-sse'
    const app = Fastify()
    await app.register(ssePlugin, { inspector: true })
    for (const url of ['/sse/', '/sse/client.js', '/sse/client.js.map', '/sse/inspector.css']) console.log((await app.inject(url)).statusCode)
  `)
  t.equal(await run(folder, 'main.js'), '200\n'.repeat(4))
})

t.test('`require` returns the plugin with the named exports as its properties', async (t) => {
  const folder = createConsumer(t, { without: ['typebox'] })
  writeFileSync(join(folder, 'main.cjs'), `
    const ssePlugin = require('fastify-typed-sse')
    const { defineEvents, errorCodes } = ssePlugin
    const { Type } = require('@sinclair/typebox')
    const app = require('fastify')()
    app.register(ssePlugin, { events: defineEvents({ tick: Type.Number() }) })
    app.ready().then(() => app.sse.broadcast('tick', 1)).then(({ id }) => {
      console.log(typeof ssePlugin, ssePlugin.default === ssePlugin, typeof id)
      return app.sse.broadcast('tick', 'text')
    }).catch((error) => {
      console.log(error instanceof errorCodes.FST_SSE_PAYLOAD_INVALID)
      return app.close()
    })
  `)
  t.equal(await run(folder, 'main.cjs'), 'function true string\ntrue\n')
})

t.test('an application that has typebox 1.x can declare events with its schemas', async (t) => {
  const folder = createConsumer(t)
  writeFileSync(join(folder, 'main.js'), PROGRAM
    .replace('{ Type } from \'@sinclair/typebox\'', 'Type from \'typebox\'').replace(/, type EventsOf/, '').replace(/^declare module.*$/m, ''))
  t.equal(await run(folder, 'main.js'), '2 * 1\n')
})

const codeBlocks = [...README.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]!)

t.test('the quick start of the README has fifteen lines and sends an event to an EventSource', async (t) => {
  const [quickStart = ''] = codeBlocks
  t.equal(quickStart.trimEnd().split('\n').length, 15)
  const folder = createConsumer(t, { without: ['typebox'] })
  writeFileSync(join(folder, 'main.js'), quickStart.replace('port: 3000', 'port: 0'))
  const server = spawn(process.execPath, ['main.js'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => server.kill())
  let log = ''
  const address = await new Promise<string>((resolve) => {
    server.stdout.setEncoding('utf8').on('data', (text: string) => {
      const match = /Server listening at (http:\/\/127[^"]+)/.exec(log += text)
      if (match !== null) resolve(match[1]!)
    })
  })
  const source = new EventSource(`${address}/events`)
  t.teardown(() => source.close())
  const { data } = await new Promise<MessageEvent>((resolve) => source.addEventListener('order.updated', resolve))
  t.match(JSON.parse(data), { id: 'o-1', total: Number })
})

const COMPILERS: Array<[setting: string, options: Record<string, unknown>, without: string[]]> = [
  ['nodenext, with typebox 1.x', { module: 'nodenext' }, []],
  ['a bundler, without typebox 1.x', { module: 'esnext', moduleResolution: 'bundler' }, ['typebox']]
]

/** The errors of a compiler that checks libraries, in the files of a consumer and in the types of the package. Other libraries do not count. */
function errorsOf (folder: string): string[] {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} }
  const { fileNames, options, errors } = ts.getParsedCommandLineOfConfigFile(join(folder, 'tsconfig.json'), {}, host)!
  const program = ts.createProgram(fileNames, options)
  const own = program.getSourceFiles().filter(({ fileName }) => fileNames.includes(fileName) || fileName.startsWith(join(folder, 'node_modules', manifest.name, '/')))
  if (own.length < 10) throw new Error('The types of the package are not there')
  const complaints = own.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
  return [...errors, ...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...complaints]
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
}

for (const [setting, options, without] of COMPILERS) {
  t.test(`the types of the package and the code of the README compile in a strict program that checks libraries, for ${setting}`, async (t) => {
    const folder = createConsumer(t, { without })
    writeFileSync(join(folder, 'main.ts'), PROGRAM)
    writeFileSync(join(folder, 'client.ts'), CLIENT_PROGRAM)
    writeFileSync(join(folder, 'readme.ts'), [
      'declare const authenticate: import(\'fastify\').preHandlerHookHandler',
      'declare const order: { id: string, total: number }',
      'declare function userOf (request: import(\'fastify\').FastifyRequest): Promise<string>',
      'declare function tokenOf (request: import(\'fastify\').FastifyRequest): Promise<{ id: string, exp: number }>',
      'declare function show (orders: unknown): void',
      'declare function answer (body: unknown, signal: AbortSignal): AsyncIterable<string>',
      // main.ts augments `Events` already, and an event may be declared only once.
      ...codeBlocks.filter((code) => !code.includes('declare module'))
    ].join('\n'))
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({
      compilerOptions: { ...options, target: 'es2022', strict: true, noEmit: true, skipLibCheck: false, preserveSymlinks: true, types: ['node'] },
      files: ['main.ts', 'client.ts', 'readme.ts']
    }))
    t.strictSame(errorsOf(folder), [])
  })
}

const packedFiles = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n').map((path) => path.replace('package/', ''))

t.test('the package contains exactly the expected top-level entries', async (t) => {
  const tops = new Set(packedFiles.map((path) => path.split('/')[0]))
  t.strictSame([...tops].sort(), ['CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'SECURITY.md', 'bench', 'dist', 'docs', 'examples', 'package.json'])
})

t.test('every relative link in the documentation of the package leads to a file or folder in the package', async (t) => {
  for (const file of packedFiles.filter((path) => path.endsWith('.md') && !path.startsWith('dist/'))) {
    const text = readFileSync(join(ROOT, file), 'utf8')
    for (const [, link = ''] of text.matchAll(/\]\((?!http)([^)#]+)[^)]*\)/g)) {
      const target = join(dirname(file), link)
      t.ok(packedFiles.some((path) => path === target || path.startsWith(`${target.replace(/\/$/, '')}/`)), `${link} in ${file}`)
    }
  }
})
