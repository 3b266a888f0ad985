import t from 'tap'
import { connect } from '../../client/index.ts'
import { readOptions, type ConnectOptions } from '../../client/options.ts'

const URL = 'http://localhost/events'
const read = (options: Record<string, unknown>): unknown => readOptions(URL, options as ConnectOptions)

const WRONG: Array<[options: Record<string, unknown>, option: string, rule: string, value: string]> = [
  [{ txt: ['message'] }, 'txt', 'is unknown; known are text, withCredentials', '"txt"'],
  [{ toString: 1 }, 'toString', 'known are text', '"toString"'],
  [{ text: 'message' }, 'text', 'a list of events', '"message"'],
  [{ text: [1] }, 'text', 'a list of events', '1'],
  [{ text: new Set(['message']) }, 'text', 'a list of events', '[object Set]'],
  [{ text: null }, 'text', 'a list of events', 'null'],
  [{ withCredentials: 'include' }, 'withCredentials', 'true or false', '"include"'],
  [{ withCredentials: 1 }, 'withCredentials', 'true or false', '1'],
  [{ withCredentials: null }, 'withCredentials', 'true or false', 'null'],
  [{ lastEventId: 7 }, 'lastEventId', 'text', '7'],
  [{ headers: 'authorization: x' }, 'headers', 'an object or a function', '"authorization: x"'],
  [{ headers: null }, 'headers', 'an object or a function', 'null'],
  [{ headers: true }, 'headers', 'an object or a function', 'true'],
  [{ validate: /x/ }, 'validate', 'a function', '/x/'],
  [{ validate: null }, 'validate', 'a function', 'null'],
  [{ share: 1 }, 'share', 'true, false or text', '1'],
  [{ share: null }, 'share', 'true, false or text', 'null'],
  [{ share: ['user:7'] }, 'share', 'true, false or text', 'user:7'],
  [{ backoff: null }, 'backoff', '', 'null'],
  [{ backoff: 1000 }, 'backoff', '', '1000'],
  [{ backoff: { base: -1 } }, 'backoff.base', 'milliseconds from 0', '-1'],
  [{ backoff: { base: '1000' } }, 'backoff.base', 'milliseconds from 0', '"1000"'],
  [{ backoff: { cap: NaN } }, 'backoff.cap', 'milliseconds from 0', 'NaN'],
  [{ backoff: { cap: null } }, 'backoff.cap', 'milliseconds from 0', 'null'],
  [{ backoff: { max: 1000 } }, '"backoff.max"', 'is unknown; known are base, cap', ''],
  [{ connectTimeout: -1 }, 'connectTimeout', 'milliseconds from 0', '-1'],
  [{ connectTimeout: 0 }, 'connectTimeout', 'milliseconds from 1', '0'],
  [{ connectTimeout: false }, 'connectTimeout', 'milliseconds from 0', 'false'],
  [{ connectTimeout: 1n }, 'connectTimeout', 'milliseconds from 0', '1'],
  [{ onError: 'console' }, 'onError', 'a function', '"console"'],
  [{ observe: Symbol('all') }, 'observe', 'a function', 'Symbol(all)']
]

for (const [options, option, rule, value] of WRONG) {
  const [shown] = Object.entries(options).map(([name, value]) =>
    `${name}: ${typeof value === 'object' && !(value instanceof Set) && !(value instanceof RegExp) ? JSON.stringify(value) : String(value)}`)
  t.test(`{ ${shown} } is refused, with option, rule and value`, async (t) => {
    const error = t.throws(() => read(options)) as unknown as Error
    t.equal(error?.constructor, TypeError)
    for (const part of [option, rule, value]) t.ok(error?.message.includes(part), `${error?.message}: ${part}`)
  })
}

t.test('connect throws what is wrong, at once', async (t) => {
  t.throws(() => connect(URL, { lastEventId: 7 } as unknown as ConnectOptions), { name: 'TypeError', message: /"lastEventId".*7/ })
})

t.test('a URL that cannot be one is refused', async (t) => {
  for (const url of ['/events', 'http://', '']) t.throws(() => readOptions(url, {}), { name: 'TypeError', message: '"url" must be a URL' }, url)
})

t.test('each default is the one that is documented', async (t) => {
  const { text, validate, onError, observe, ...rest } = readOptions(URL, {})
  t.strictSame(rest, {
    url: URL, withCredentials: false, lastEventId: '', headers: undefined, share: '', backoff: { base: 1000, cap: 30_000 }, connectTimeout: 45_000
  })
  t.equal(text.size, 0)
  t.equal(validate('order', 1), true)
  t.equal(observe({ type: '', data: '', lastEventId: '' }), undefined)
  t.type(onError, 'function')
})

t.test('undefined is the default, in each option', async (t) => {
  const names = ['text', 'withCredentials', 'lastEventId', 'headers', 'validate', 'share', 'backoff', 'connectTimeout', 'onError', 'observe']
  const defaults = readOptions(URL, {})
  const { backoff, connectTimeout, share } = readOptions(URL, Object.fromEntries(names.map((name) => [name, undefined])))
  t.strictSame({ backoff, connectTimeout, share }, { backoff: defaults.backoff, connectTimeout: defaults.connectTimeout, share: defaults.share })
  t.strictSame(readOptions(URL, { backoff: { base: undefined, cap: 5 } }).backoff, { base: 1000, cap: 5 }, 'one half of a back-off leaves the other')
})

t.test('a last event ID of null, as a server without history gives, is none', async (t) => {
  t.equal(readOptions(URL, { lastEventId: null }).lastEventId, '')
})

t.test('0 is a real zero, Infinity no limit', async (t) => {
  t.match(read({ backoff: { base: 0, cap: Infinity }, connectTimeout: Infinity }), { backoff: { base: 0, cap: Infinity }, connectTimeout: 2 ** 31 - 1 })
  t.match(read({ connectTimeout: 2 ** 31 }), { connectTimeout: 2 ** 31 - 1 }, 'a timer of more would fire at once')
})

t.test('the text that is handed over may be changed afterwards', async (t) => {
  const text = ['message']
  const settings = readOptions(URL, { text })
  text.push('order')
  t.strictSame([...settings.text], ['message'])
})

t.test('what nobody takes care of is written to the console where there is no reportError', async (t) => {
  const { console } = globalThis
  t.teardown(() => { globalThis.console = console })
  const written: unknown[] = []
  globalThis.console = { ...console, error: (error: unknown) => written.push(error) }
  const error = new Error('listener')
  readOptions(URL, {}).onError(error)
  t.strictSame(written, [error])
})
