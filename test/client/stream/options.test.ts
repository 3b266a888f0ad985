import t from 'tap'
import { connect } from '../../../client/index.ts'
import { readOptions, type ConnectOptions } from '../../../client/stream/options.ts'

const URL = 'http://localhost/events'
const read = (options: Record<string, unknown>): unknown => readOptions(URL, options as ConnectOptions)

const WRONG: Array<[options: Record<string, unknown>, option: string, rule: string, value: string]> = [
  [{ txt: ['message'] }, 'option', 'one of text,withCredentials,', 'txt'],
  [{ toString: 1 }, 'option', 'one of text,withCredentials,', 'toString'],
  [{ text: 'message' }, 'text', 'of type object', 'message'],
  [{ text: null }, 'text', 'of type object', 'null'],
  [{ withCredentials: 'include' }, 'withCredentials', 'of type boolean', 'include'],
  [{ withCredentials: 1 }, 'withCredentials', 'of type boolean', '1'],
  [{ withCredentials: null }, 'withCredentials', 'of type boolean', 'null'],
  [{ lastEventId: 7 }, 'lastEventId', 'of type string', '7'],
  [{ headers: 'authorization: x' }, 'headers', 'of type object', 'authorization: x'],
  [{ headers: null }, 'headers', 'of type object', 'null'],
  [{ headers: true }, 'headers', 'of type object', 'true'],
  [{ validate: /x/ }, 'validate', 'of type function', '/x/'],
  [{ validate: null }, 'validate', 'of type function', 'null'],
  [{ share: 1 }, 'share', 'of type boolean', '1'],
  [{ share: null }, 'share', 'of type boolean', 'null'],
  [{ share: ['user:7'] }, 'share', 'of type boolean', 'user:7'],
  [{ backoff: null }, 'backoff', 'of type object', 'null'],
  [{ backoff: 1000 }, 'backoff', 'of type object', '1000'],
  [{ backoff: { base: -1 } }, 'backoff.base', 'milliseconds', '-1'],
  [{ backoff: { base: '1000' } }, 'backoff.base', 'milliseconds', '1000'],
  [{ backoff: { cap: NaN } }, 'backoff.cap', 'milliseconds', 'NaN'],
  [{ backoff: { cap: null } }, 'backoff.cap', 'milliseconds', 'null'],
  [{ backoff: { max: 1000 } }, 'backoff.option', 'one of base,cap', 'max'],
  [{ connectTimeout: -1 }, 'connectTimeout', 'milliseconds', '-1'],
  [{ connectTimeout: false }, 'connectTimeout', 'milliseconds', 'false'],
  [{ connectTimeout: 1n }, 'connectTimeout', 'milliseconds', '1'],
  [{ onError: 'console' }, 'onError', 'of type function', 'console'],
  [{ observe: ['all'] }, 'observe', 'of type function', 'all']
]

for (const [options, option, rule, value] of WRONG) {
  const [shown] = Object.entries(options).map(([name, value]) =>
    `${name}: ${typeof value === 'object' && !(value instanceof RegExp) ? JSON.stringify(value) : String(value)}`)
  t.test(`{ ${shown} } is refused, with option, rule and value`, async (t) => {
    const error = t.throws(() => read(options)) as unknown as Error
    t.equal(error?.constructor, TypeError)
    t.equal(error?.message.replace(/ be one of .*;/, (list) => `${list.slice(0, rule.length + 4)};`), `connect: "${option}" must be ${rule}; it is ${value}`)
  })
}

t.test('`connect` throws synchronously for an invalid option', async (t) => {
  t.throws(() => connect(URL, { lastEventId: 7 } as unknown as ConnectOptions), { name: 'TypeError', message: /"lastEventId".*7/ })
})

t.test('a relative URL, a malformed URL and a URL with a user are refused', async (t) => {
  for (const url of ['/events', 'http://', '', 'http://user:password@localhost/']) t.throws(() => readOptions(url, {}), { name: 'TypeError', message: '"url" must be an absolute URL without a user' }, url)
})

t.test('a URL is relative to the base of the document, and in a worker to the location', async (t) => {
  const names = ['document', 'location'] as const
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name))
  t.teardown(() => {
    for (const [at, name] of names.entries()) {
      if (before[at] === undefined) Reflect.deleteProperty(globalThis, name)
      else Object.defineProperty(globalThis, name, before[at])
    }
  })
  Object.defineProperty(globalThis, 'location', { value: { href: 'http://localhost/worker.js' }, configurable: true })
  t.equal(readOptions('events', {}).url, 'http://localhost/events')
  Object.defineProperty(globalThis, 'document', { value: { baseURI: 'http://localhost/base/' }, configurable: true })
  t.equal(readOptions('events', {}).url, 'http://localhost/base/events')
})

t.test('each option has its documented default', async (t) => {
  const { text, validate, onError, observe, ...rest } = readOptions(URL, {})
  t.strictSame(rest, {
    url: URL,
    withCredentials: false,
    lastEventId: '',
    headers: null,
    share: false,
    backoff: { base: 1000, cap: 30_000 },
    connectTimeout: 30_000,
    given: URL,
    method: 'GET',
    body: null
  })
  t.strictSame(text, [])
  t.equal(validate('order', 1), true)
  t.equal(observe({ type: '', data: '', lastEventId: '' }), undefined)
  t.type(onError, 'function')
})

t.test('a stream that posts, or whose URL is a function, is read by fetch and not shared', async (t) => {
  t.strictSame([readOptions(URL, {}).headers, readOptions(URL, { share: true }).share], [null, true])
  for (const settings of [readOptions(() => URL, { share: true }), readOptions(URL, { method: 'POST', share: true })]) {
    t.strictSame([settings.headers, settings.share], [{}, false])
  }
  t.strictSame(readOptions(() => URL, {}).url, '')
  t.throws(() => readOptions(URL, { method: 'PUT' as 'POST' }), { message: 'connect: "method" must be GET or POST; it is PUT' })
  for (const body of ['text', { a: 1 }, new URLSearchParams('a=1')]) t.equal(readOptions(URL, { method: 'POST', body }).body, body)
  t.throws(() => readOptions(URL, { method: 'POST', body: 7 as never }), { message: /"body"/ })
})

t.test('an option of undefined has its default', async (t) => {
  const names = ['text', 'withCredentials', 'lastEventId', 'headers', 'method', 'body', 'validate', 'share', 'backoff', 'connectTimeout', 'onError', 'observe']
  const defaults = readOptions(URL, {})
  const { backoff, connectTimeout, share } = readOptions(URL, Object.fromEntries(names.map((name) => [name, undefined])))
  t.strictSame({ backoff, connectTimeout, share }, { backoff: defaults.backoff, connectTimeout: defaults.connectTimeout, share: defaults.share })
  t.strictSame(readOptions(URL, { backoff: { base: undefined, cap: 5 } }).backoff, { base: 1000, cap: 5 }, 'a backoff with one given bound keeps the default of the other')
})

t.test('`lastEventId: null`, as a server without history returns, means no ID', async (t) => {
  t.equal(readOptions(URL, { lastEventId: null }).lastEventId, '')
})

t.test('the option `lastEventId` overrides an ID in the URL unless it is empty', async (t) => {
  for (const [lastEventId, place] of [['8', '8'], ['', '7'], [null, '7'], [undefined, '7']] as const) {
    const settings = readOptions(`${URL}?lastEventId=7`, { lastEventId })
    t.strictSame([settings.url, settings.lastEventId], [URL, place])
  }
})

t.test('0 means zero, and Infinity means no limit', async (t) => {
  t.match(read({ backoff: { base: 0, cap: Infinity }, connectTimeout: Infinity }), { backoff: { base: 0, cap: Infinity }, connectTimeout: 2 ** 31 - 1 })
  t.match(read({ connectTimeout: 2 ** 31 }), { connectTimeout: 2 ** 31 - 1 }, 'a longer timer would fire immediately')
})

t.test('a change to the array `text` after the call has no effect', async (t) => {
  const text = ['message']
  const settings = readOptions(URL, { text })
  text.push('order')
  t.strictSame([...settings.text], ['message'])
})

t.test('the default onError writes to the console where reportError is missing', async (t) => {
  const { console } = globalThis
  t.teardown(() => { globalThis.console = console })
  const written: unknown[] = []
  globalThis.console = { ...console, error: (error: unknown) => written.push(error) }
  const error = new Error('listener')
  readOptions(URL, {}).onError(error)
  t.strictSame(written, [error])
})
