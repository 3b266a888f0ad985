import { Readable } from 'node:stream'
import t from 'tap'
import { draw as drawItems, openSource, type Source, type Taker } from '../../lib/subscribers/stream-source.ts'

/** Draws from items that are opened already. */
type Taking<T> = [signal: AbortSignal, take: Taker<T>['take'], returnFailed: Taker<T>['returnFailed']]

const drawWhenOpened = <T>(opened: Promise<AsyncIterator<T>>, ...[signal, take, returnFailed]: Taking<T>): Promise<boolean> =>
  drawItems(opened, signal, { take, returnFailed })

const draw = <T>(items: AsyncIterator<T>, ...taking: Taking<T>): Promise<boolean> => drawWhenOpened(Promise.resolve(items), ...taking)

const { signal: never } = new AbortController()

/** A `take` that records items, and is false from the item number `limit` on. */
function taking (limit = Infinity): { taken: unknown[], take: (item: unknown) => Promise<boolean> } {
  const taken: unknown[] = []
  return { taken, take: async (item) => taken.push(item) < limit }
}

const nothingFails = (error: unknown): void => { t.fail('an unexpected failure', { error }) }

/** A stream that emits `one` and then stays silent. */
function silent (cancel: (reason?: unknown) => void = () => {}): ReadableStream<string> {
  return new ReadableStream({ start (controller) { controller.enqueue('one') }, cancel })
}

function locked (): ReadableStream<string> {
  const stream = silent()
  stream.getReader()
  return stream
}

async function * three (): AsyncGenerator<number> { yield * [1, 2, 3] }

t.test('openSource', async (t) => {
  t.test('calls the source once with the signal, and draws no item', async (t) => {
    const calls: unknown[] = []
    let pulls = 0
    const items: AsyncIterableIterator<number> = { next: async () => ({ done: false, value: pulls++ }), [Symbol.asyncIterator]: () => items }
    t.equal(await openSource('message', (...args) => { calls.push(args); return items }, never), items)
    t.strictSame(calls, [[never]])
    t.equal(pulls, 0)
  })

  t.test('rejects with the error that the source throws', async (t) => {
    const inner = new Error('inner')
    await t.rejects(openSource('message', () => { throw inner }, never), inner)
    await t.rejects(openSource('message', async () => { throw inner }, never), inner)
  })

  const invalid: Array<[value: unknown, message: RegExp]> = [
    [undefined, /"message".* is Undefined$/],
    [null, / is Null$/],
    [three(), / is AsyncGenerator$/],
    [() => undefined, / returned Undefined$/],
    [() => null, / returned Null$/],
    [() => 7, / returned Number$/],
    [() => [1], / returned Array$/],
    [() => ({ [Symbol.asyncIterator]: 7 }), / returned Object$/],
    [async () => [1], / returned Array$/],
    [() => new Set([1]), / returned Set$/],
    [() => 'text', / returned String$/],
    [() => new TransformStream(), / returned TransformStream$/],
    [() => new Response('x'), / returned Response$/],
    [() => locked(), / returned ReadableStream that is locked, because something else reads it$/]
  ]
  t.test('refuses an invalid source and names its type', async (t) => {
    for (const [source, message] of invalid) {
      await t.rejects(openSource('message', source as Source<unknown>, never), { code: 'FST_SSE_SOURCE_INVALID', message })
    }
  })
})

t.test('draw', async (t) => {
  t.test('takes every item in order, and resolves with true at their end', async (t) => {
    const { taken, take } = taking()
    t.equal(await draw(three(), never, take, nothingFails), true)
    t.strictSame(taken, [1, 2, 3])
  })

  t.test('ignores the return value of a generator', async (t) => {
    const { taken, take } = taking()
    const ending = async function * (): AsyncGenerator<number, number> { yield 1; return 2 }
    t.equal(await draw(ending(), never, take, nothingFails), true)
    t.strictSame(taken, [1])
  })

  t.test('requests the next item only after the previous one is taken', async (t) => {
    const order: string[] = []
    const items = async function * (): AsyncGenerator<number> {
      for (let n = 0; n < 3; n++) {
        order.push(`asked ${n}`)
        yield n
      }
    }
    await draw(items(), never, async (n) => {
      await new Promise(setImmediate)
      order.push(`taken ${n}`)
      return true
    }, nothingFails)
    t.strictSame(order, ['asked 0', 'taken 0', 'asked 1', 'taken 1', 'asked 2', 'taken 2'])
  })

  t.test('resolves with false if `take` refuses further items, and calls `return`', async (t) => {
    let final = false
    const items = async function * (): AsyncGenerator<number> {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        final = true
      }
    }
    const { taken, take } = taking(3)
    t.equal(await draw(items(), never, take, nothingFails), false)
    await new Promise(setImmediate)
    t.strictSame(taken, [0, 1, 2])
    t.ok(final)
  })

  t.test('resolves with false if the signal is already aborted, requests no item, and calls `return`', async (t) => {
    let pulls = 0
    let returns = 0
    const items = { next: async () => ({ done: false as const, value: pulls++ }), return: async () => ({ done: true as const, value: ++returns }) }
    t.equal(await draw(items, AbortSignal.abort(), taking().take, nothingFails), false)
    await new Promise(setImmediate)
    t.strictSame([pulls, returns], [0, 1])
  })

  t.test('resolves with false if the signal aborts while an item is pending, and calls `return`', async (t) => {
    const controller = new AbortController()
    let returns = 0
    const items = { next: () => new Promise<IteratorResult<number>>(() => {}), return: async () => ({ done: true as const, value: ++returns }) }
    const drawn = draw(items, controller.signal, taking().take, nothingFails)
    await new Promise(setImmediate)
    t.equal(returns, 0)
    controller.abort()
    t.equal(await drawn, false)
    await new Promise(setImmediate)
    t.equal(returns, 1)
  })

  t.test('calls `return` of items that are opened after the abort', async (t) => {
    const controller = new AbortController()
    let returns = 0
    let open = (_items: AsyncIterator<number>): void => {}
    const drawn = drawWhenOpened(new Promise<AsyncIterator<number>>((resolve) => { open = resolve }), controller.signal, taking().take, nothingFails)
    controller.abort()
    t.equal(await drawn, false)
    open({ next: async () => ({ done: true, value: undefined }), return: async () => ({ done: true, value: ++returns }) })
    await new Promise(setImmediate)
    t.equal(returns, 1)
  })

  t.test('does not start a generator that is opened after the abort', async (t) => {
    const controller = new AbortController()
    let begun = false
    const late = openSource('message', async () => {
      await new Promise(setImmediate)
      return (async function * () {
        begun = true
        yield 1
      })()
    }, controller.signal)
    const drawn = drawWhenOpened(late, controller.signal, taking().take, nothingFails)
    controller.abort()
    t.equal(await drawn, false)
    await late
    await new Promise(setImmediate)
    t.notOk(begun)
  })

  t.test('ignores an opening that fails after the abort', async (t) => {
    const controller = new AbortController()
    const late = openSource('message', async () => { throw new Error('aborted') }, controller.signal)
    controller.abort()
    t.equal(await drawWhenOpened(late, controller.signal, taking().take, nothingFails), false)
  })

  t.test('rejects with the error of a Readable that failed before it was read', async (t) => {
    const inner = new Error('early')
    // In a separate turn of the event loop, as in a server: a failure in the next tick precedes every continuation of a promise.
    await new Promise<void>((resolve) => setImmediate(() => {
      const opened = openSource('message', () => new Readable().destroy(inner), never)
      t.rejects(drawWhenOpened(opened, never, taking().take, nothingFails), inner).then(() => resolve())
    }))
  })

  t.test('ignores an error that the source throws after the abort', async (t) => {
    const controller = new AbortController()
    const items = async function * (): AsyncGenerator<number> {
      await new Promise((_resolve, reject) => controller.signal.addEventListener('abort', () => reject(new Error('aborted'))))
    }
    const drawn = draw(items(), controller.signal, taking().take, nothingFails)
    await new Promise(setImmediate)
    controller.abort()
    t.equal(await drawn, false)
    await new Promise(setImmediate)
  })

  t.test('rejects with the error that `next` throws, and does not call `return`', async (t) => {
    const inner = new Error('inner')
    for (const next of [async () => { throw inner }, () => { throw inner }]) {
      let returns = 0
      const items = { next, return: async () => ({ done: true as const, value: ++returns }) }
      await t.rejects(draw(items, never, taking().take, nothingFails), inner)
      t.equal(returns, 0)
    }
  })

  t.test('rejects with the error that `take` throws, and calls `return`', async (t) => {
    let returns = 0
    const items = { next: async () => ({ done: false as const, value: 1 }), return: async () => ({ done: true as const, value: ++returns }) }
    await t.rejects(draw(items, never, async () => { throw new Error('not taken') }, nothingFails), { message: 'not taken' })
    t.equal(returns, 1)
  })

  t.test('rejects if `next` does not return an iterator result', async (t) => {
    await t.rejects(draw({ next: async () => undefined as never }, never, taking().take, nothingFails))
  })

  t.test('reports an error that `return` throws, and does not wait for `return`', async (t) => {
    const inner = new Error('inner')
    for (const fail of [async () => { throw inner }, () => { throw inner }]) {
      const failed: unknown[] = []
      const items = { next: async () => ({ done: false as const, value: 1 }), return: fail }
      t.equal(await draw(items, never, taking(1).take, (error) => failed.push(error)), false)
      await new Promise(setImmediate)
      t.strictSame(failed, [inner])
    }
    const items = { next: async () => ({ done: false as const, value: 1 }), return: () => new Promise<never>(() => {}) }
    t.equal(await draw(items, never, taking(1).take, nothingFails), false)
  })

  t.test('leaves no listener on the signal after any kind of end', async (t) => {
    const controller = new AbortController()
    let listeners = 0
    const { signal } = controller
    const counting = {
      get aborted () { return signal.aborted },
      addEventListener: () => { listeners++ },
      removeEventListener: () => { listeners-- }
    } as unknown as AbortSignal
    await draw(three(), counting, taking().take, nothingFails)
    await draw(three(), counting, taking(1).take, nothingFails)
    await draw({ next: () => { throw new Error('inner') } }, counting, taking().take, nothingFails).catch(() => {})
    t.equal(listeners, 0)
  })

  t.test('draws from a Readable, and destroys it if items are left', async (t) => {
    const all = taking()
    t.equal(await drawWhenOpened(openSource('message', () => Readable.from([1, 2, 3]), never), never, all.take, nothingFails), true)
    t.strictSame(all.taken, [1, 2, 3])
    const endless = Readable.from(async function * () { for (;;) yield 1 }())
    t.equal(await drawWhenOpened(openSource('message', () => endless, never), never, taking(3).take, nothingFails), false)
    await new Promise(setImmediate)
    t.ok(endless.destroyed)
  })
  const webStreams: Array<[title: string, of: (stream: ReadableStream<string>) => unknown]> = [
    ['from a function', (stream) => stream],
    ['from an async function', async (stream) => stream],
    ['from pipeThrough', (stream) => stream.pipeThrough(new TransformStream())],
    ['from tee', (stream) => {
      const [branch, other] = stream.tee()
      void other.cancel()
      return branch
    }],
    // As in some browsers and polyfills.
    ['without an iterator', (stream) => ({ getReader: () => stream.getReader(), cancel: () => stream.cancel() })]
  ]
  for (const [title, of] of webStreams) {
    t.test(`cancels a silent ReadableStream ${title} when its reader leaves`, async (t) => {
      const controller = new AbortController()
      let isCancelled = (): void => {}
      const cancelled = new Promise<void>((resolve) => { isCancelled = resolve })
      const source = (() => of(silent(isCancelled))) as Source<unknown>
      const { taken, take } = taking()
      const takeOne = async (item: unknown): Promise<boolean> => {
        setImmediate(() => controller.abort())
        return take(item)
      }
      t.equal(await drawWhenOpened(openSource('message', source, controller.signal), controller.signal, takeOne, nothingFails), false)
      await cancelled
      t.strictSame(taken, ['one'])
    })
  }

  t.test('takes a ReadableStream to its end, and does not cancel it', async (t) => {
    const { taken, take } = taking()
    const ending = new ReadableStream({
      start (controller) {
        for (const n of [1, 2]) controller.enqueue(n)
        controller.close()
      },
      cancel: () => { t.fail() }
    })
    t.equal(await drawWhenOpened(openSource('message', () => ending, never), never, take, nothingFails), true)
    t.strictSame(taken, [1, 2])
  })

  t.test('rejects with the error of a ReadableStream', async (t) => {
    const inner = new Error('inner')
    const failing = new ReadableStream({ pull (controller) { controller.error(inner) } })
    await t.rejects(drawWhenOpened(openSource('message', () => failing, never), never, taking().take, nothingFails), inner)
  })

  t.test('ignores the failure of a ReadableStream after the abort, and reports an error that its `cancel` throws', async (t) => {
    const inner = new Error('inner')
    const failed: unknown[] = []
    const failures: Array<(signal: AbortSignal) => ReadableStream> = [
      // Like the body of a fetch that was passed the signal.
      (signal) => new ReadableStream({ start (controller) { signal.addEventListener('abort', () => controller.error(signal.reason)) } }),
      () => new ReadableStream({ cancel () { throw inner } })
    ]
    for (const source of failures) {
      const controller = new AbortController()
      const drawn = drawWhenOpened(openSource('message', source, controller.signal), controller.signal, taking().take, (error) => failed.push(error))
      await new Promise(setImmediate)
      controller.abort(new Error('left'))
      t.equal(await drawn, false)
      await new Promise(setImmediate)
    }
    t.strictSame(failed, [inner])
  })

  t.test('destroys a stream that resembles a stream of Node', async (t) => {
    const controller = new AbortController()
    const heard: string[] = []
    const stream = {
      on: (event: string) => heard.push(event),
      pipe () {},
      destroy: () => heard.push('destroyed'),
      async * [Symbol.asyncIterator] () {
        yield 1
        await new Promise(() => {})
      }
    }
    const drawn = drawWhenOpened(openSource('message', () => stream, controller.signal), controller.signal, taking().take, nothingFails)
    await new Promise(setImmediate)
    controller.abort()
    t.equal(await drawn, false)
    await new Promise(setImmediate)
    t.match(heard, ['error', 'error', 'destroyed'])
  })
})
