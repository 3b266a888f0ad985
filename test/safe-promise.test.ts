import t from 'tap'
import { createLinter } from './support/linting.ts'
import { createProgram, errorsIn } from './support/programs.ts'

const PATH = 'test/types/floating.ts'

const KNOWN = `
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Sse, Subscriber } from '../../plugin.ts'

declare const app: FastifyInstance
declare const reply: FastifyReply
declare const sse: Sse<{ message: string }>
declare const subscriber: Subscriber<{ message: string }>
`

/** The statements that the recommended promise rules of typescript-eslint report. */
async function reported (statements: string[]): Promise<string[]> {
  const text = `${KNOWN}${statements.join('\n')}\n`
  const texts = new Map([[PATH, text]])
  const program = createProgram(texts)
  t.strictSame(errorsIn(program, texts.keys()), [])
  const lint = createLinter(program, ['no-floating-promises', 'await-thenable'])
  return (await lint(PATH, text)).map(({ source }) => source)
}

t.test('typescript-eslint accepts unawaited calls whose rejections are already handled', async (t) => {
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

t.test('typescript-eslint reports an unawaited `subscribe` and an unawaited `then` without a handler for rejections', async (t) => {
  const statements = [
    'sse.broadcast("message", "text").then(({ id }) => id)',
    'subscriber.closed.then(() => {})',
    'app.sse.subscribe(reply)'
  ]
  t.strictSame(await reported([...statements, 'sse.broadcast("message", "text").catch(() => {})']), statements)
})
