import { Readable } from 'node:stream'
import t from 'tap'
import { draw as drawWhenOpened, openSource, type Source } from '../../lib/subscribers/stream-source.ts'

/** With items that are there at once. */
const draw = <T>(items: AsyncIterator<T>, ...rest: Parameters<typeof drawWhenOpened<T>> extends [unknown, ...infer R] ? R : never): Promise<boolean> =>
  drawWhenOpened(Promise.resolve(items), ...rest)

const { signal: never } = new AbortController()

/** Takes everything; tells what. */
function taking (limit = Infinity): { taken: unknown[], take: (item: unknown) => Promise<boolean> } {
  const taken: unknown[] = []
  return { taken, take: async (item) => taken.push(item) < limit }
}

const nothingFails = (error: unknown): void => { t.fail('nothing was to fail', { error }) }

/** It gives `one`, and then nothing. */
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
  t.test('calls the source with the signal, once, and takes nothing from it yet', async (t) => {
    const calls: unknown[] = []
    let pulls = 0
    const items: AsyncIterableIterator<number> = { next: async () => ({ done: false, value: pulls++ }), [Symbol.asyncIterator]: () => items }
    t.equal(await openSource('message', (...args) => { calls.push(args); return items }, never), items)
    t.strictSame(calls, [[never]])
    t.equal(pulls, 0)
  })

  t.test('throws what the source throws', async (t) => {
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
  t.test('refuses what is no source, and says what it got', async (t) => {
    for (const [source, message] of invalid) {
      await t.rejects(openSource('message', source as Source<unknown>, never), { code: 'FST_SSE_SOURCE_INVALID', message })
    }
  })
})

t.test('draw', async (t) => {
  t.test('takes every item in order, and is true at their end', async (t) => {
    const { taken, take } = taking()
    t.equal(await draw(three(), never, take, nothingFails), true)
    t.strictSame(taken, [1, 2, 3])
  })

  t.test('takes no value that comes with the end', async (t) => {
    const { taken, take } = taking()
    const ending = async function * (): AsyncGenerator<number, number> { yield 1; return 2 }
    t.equal(await draw(ending(), never, take, nothingFails), true)
    t.strictSame(taken, [1])
  })

  t.test('asks for the next item only when the last was taken', async (t) => {
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

  t.test('is false where nobody takes any more, and gives the items back', async (t) => {
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

  t.test('is false at once where the signal was aborted before, and asks for nothing', async (t) => {
    let pulls = 0
    let returns = 0
    const items = { next: async () => ({ done: false as const, value: pulls++ }), return: async () => ({ done: true as const, value: ++returns }) }
    t.equal(await draw(items, AbortSignal.abort(), taking().take, nothingFails), false)
    await new Promise(setImmediate)
    t.strictSame([pulls, returns], [0, 1])
  })

  t.test('is false at once where the signal is aborted while the next item does not come, and gives the items back', async (t) => {
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

  t.test('gives back what is opened only after the signal was aborted', async (t) => {
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

  t.test('does not begin with items that come after their reader has left', async (t) => {
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

  t.test('passes over that there are none, once nobody wants them', async (t) => {
    const controller = new AbortController()
    const late = openSource('message', async () => { throw new Error('aborted') }, controller.signal)
    controller.abort()
    t.equal(await drawWhenOpened(late, controller.signal, taking().take, nothingFails), false)
  })

  t.test('reports what a Readable failed with before anybody listened', async (t) => {
    const inner = new Error('early')
    // From a turn of its own, as a server calls it: what fails in the next tick does so before any promise goes on.
    await new Promise<void>((resolve) => setImmediate(() => {
      const opened = openSource('message', () => new Readable().destroy(inner), never)
      t.rejects(drawWhenOpened(opened, never, taking().take, nothingFails), inner).then(() => resolve())
    }))
  })

  t.test('passes over what the source throws after the signal was aborted', async (t) => {
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

  t.test('throws what the source throws, and does not give that back', async (t) => {
    const inner = new Error('inner')
    for (const next of [async () => { throw inner }, () => { throw inner }]) {
      let returns = 0
      const items = { next, return: async () => ({ done: true as const, value: ++returns }) }
      await t.rejects(draw(items, never, taking().take, nothingFails), inner)
      t.equal(returns, 0)
    }
  })

  t.test('throws what `take` throws, and gives the items back', async (t) => {
    let returns = 0
    const items = { next: async () => ({ done: false as const, value: 1 }), return: async () => ({ done: true as const, value: ++returns }) }
    await t.rejects(draw(items, never, async () => { throw new Error('not taken') }, nothingFails), { message: 'not taken' })
    t.equal(returns, 1)
  })

  t.test('rejects where `next` gives what is no result', async (t) => {
    await t.rejects(draw({ next: async () => undefined as never }, never, taking().take, nothingFails))
  })

  t.test('hands on what `return` throws, and does not wait for it', async (t) => {
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

  t.test('leaves no listener at the signal, however it ends', async (t) => {
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

  t.test('draws from a Readable, and destroys one that has more', async (t) => {
    const all = taking()
    t.equal(await drawWhenOpened(openSource('message', () => Readable.from([1, 2, 3]), never), never, all.take, nothingFails), true)
    t.strictSame(all.taken, [1, 2, 3])
    const endless = Readable.from(async function * () { for (;;) yield 1 }())
    t.equal(await drawWhenOpened(openSource('message', () => endless, never), never, taking(3).take, nothingFails), false)
    await new Promise(setImmediate)
    t.ok(endless.destroyed)
  })
  const webStreams: Array<[title: string, of: (stream: ReadableStream<string>) => unknown]> = [
    ['as it is', (stream) => stream],
    ['later', async (stream) => stream],
    ['piped through something', (stream) => stream.pipeThrough(new TransformStream())],
    ['one of two branches', (stream) => {
      const [branch, other] = stream.tee()
      void other.cancel()
      return branch
    }],
    // As those of some browsers and polyfills are.
    ['without an iterator', (stream) => ({ getReader: () => stream.getReader(), cancel: () => stream.cancel() })]
  ]
  for (const [title, of] of webStreams) {
    t.test(`cancels a ReadableStream ${title} whose reader leaves while it is silent`, async (t) => {
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

  t.test('takes a ReadableStream to its end, and does not cancel that', async (t) => {
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

  t.test('throws what a ReadableStream fails with', async (t) => {
    const inner = new Error('inner')
    const failing = new ReadableStream({ pull (controller) { controller.error(inner) } })
    await t.rejects(drawWhenOpened(openSource('message', () => failing, never), never, taking().take, nothingFails), inner)
  })

  t.test('passes over that a ReadableStream failed when its reader left, and hands on what its own `cancel` throws', async (t) => {
    const inner = new Error('inner')
    const failed: unknown[] = []
    const failures: Array<(signal: AbortSignal) => ReadableStream> = [
      // As the body of a request that was given the signal.
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

  t.test('destroys a stream that is as Node\'s are, but not one of them', async (t) => {
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
