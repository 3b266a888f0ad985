import { join, resolve } from 'node:path'
import { ESLint } from 'eslint'
import { plugins } from 'neostandard'
import t from 'tap'
import { createProgram, errorsIn } from './support/programs.ts'

const ROOT = resolve(import.meta.dirname, '..')
const PATH = 'test/types/floating.ts'

const KNOWN = `
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Sse, Subscriber } from '../../plugin.ts'

declare const app: FastifyInstance
declare const reply: FastifyReply
declare const sse: Sse<{ message: string }>
declare const subscriber: Subscriber<{ message: string }>
`

/** The statements that linters report, as typescript-eslint recommends. */
async function reported (statements: string[]): Promise<string[]> {
  const text = `${KNOWN}${statements.join('\n')}\n`
  const texts = new Map([[PATH, text]])
  const program = createProgram(texts)
  t.strictSame(errorsIn(program, texts), [])
  const { parser, plugin } = plugins['typescript-eslint']
  const eslint = new ESLint({
    cwd: ROOT,
    overrideConfigFile: true,
    overrideConfig: [{
      files: ['**/*.ts'],
      languageOptions: { parser: parser as never, parserOptions: { programs: [program] } },
      plugins: { '@typescript-eslint': plugin as never },
      rules: { '@typescript-eslint/no-floating-promises': 'error', '@typescript-eslint/await-thenable': 'error' }
    }]
  })
  const [result] = await eslint.lintText(text, { filePath: join(ROOT, PATH) })
  return result!.messages.map(({ line }) => text.split('\n')[line - 1]!)
}

t.test('linters let nobody await what never ends a process', { timeout: 60_000 }, async (t) => {
  t.strictSame(await reported([
    'sse.broadcast("message", "text")',
    'sse.channel("a").broadcast("message", "text")',
    'sse.disconnect(() => true)',
    'sse.channel("a").disconnect()',
    'subscriber.send("message", "text")',
    'subscriber.stream("message", async function * () {})',
    'await sse.broadcast("message", "text")',
    'await Promise.all([sse.broadcast("message", "text"), sse.disconnect(() => true)])'
  ]), [])
})

t.test('linters report what may end a process, or is a mistake where nobody awaits it', { timeout: 60_000 }, async (t) => {
  const statements = [
    'sse.broadcast("message", "text").then(({ id }) => id)',
    'subscriber.closed.then(() => {})',
    'app.sse.subscribe(reply)'
  ]
  t.strictSame(await reported([...statements, 'sse.broadcast("message", "text").catch(() => {})']), statements)
})
