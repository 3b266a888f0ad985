import t, { type Test } from 'tap'
import { forEachBrowser, type Tab } from '../../browsers.ts'
import { startAnswers, stream } from '../answers.ts'
import { startPages, TRANSPORTS } from '../pages.ts'
import { sideBySide, type Claim } from '../side-by-side.ts'
import { keepBroadcasting, numbers, startStreams } from '../streams.ts'

const RECONNECTS = 3

async function isNoTurn (t: Test, tab: Tab, options: string): Promise<void> {
  const answers = await startAnswers(t, (_path, _nth, response) => stream(response, [
    'event: error\ndata: {"of":"the application"}\nid: 1\n\n',
    'event: open\ndata: "shop"\nid: 2\n\n',
    // A block without data is no event, and its type does not apply to the next event.
    'event: error\n\n',
    'data: 1\nid: 3\n\n'
  ].join('')))
  await tab.evaluate(`read('one', '${answers.origin}/events', ${options}, ['error', 'open', 'message'])`)
  await tab.until('readers.one.numbers.length === 1')
  t.strictSame(await tab.evaluate('readers.one.told'), [['error', { of: 'the application' }, '1'], ['open', 'shop', '2'], ['message', 1, '3']])
  t.strictSame(await tab.evaluate('readers.one.states'), [{ state: 'open' }], 'the stream is opened once, and its status does not change again')
  t.equal(answers.asked.length, 1, 'the page makes one request')
  t.strictSame(await tab.evaluate('readers.one.errors'), [])
}

/** Checks that the watchdog still replaces a silent stream. */
async function isStillWatched (t: Test, tab: Tab, options: string): Promise<void> {
  const answers = await startAnswers(t, (_path, _nth, response) => stream(response, [
    'event: sse.open\ndata: {"heartbeatInterval": 300, "heartbeatEvent": true}\n\n',
    'event: open\ndata: 1\n\n'
  ].join('')))
  await tab.evaluate(`read('one', '${answers.origin}/events', ${options})`)
  await tab.until('readers.one.opens >= 2')
  await tab.evaluate('readers.one.stream.close()')
}

async function keepsId (t: Test, tab: Tab, options: string): Promise<void> {
  const answers = await startAnswers(t, (_path, nth, response) => {
    stream(response, nth === 0 ? 'retry: 100\nid: a\ndata: 0\n\n' : `retry: 100\ndata: ${nth}\n\n`)
    response.end()
  })
  await tab.evaluate(`read('one', '${answers.origin}/events', ${options})`)
  await tab.until('readers.one.numbers.length >= 1')
  // A new EventSource has no last event ID of its own.
  await tab.evaluate('readers.one.stream.reconnect()')
  await tab.until('readers.one.numbers.length > 3')
  await tab.evaluate('readers.one.stream.reconnect()')
  await tab.until('readers.one.numbers.length > 5')
  await tab.evaluate('readers.one.stream.close()')
  t.strictSame(answers.asked.slice(0, 5).map(({ lastEventId }) => lastEventId), [null, 'a', 'a', 'a', 'a'])
  t.ok((await tab.evaluate<unknown[][]>('readers.one.told')).every(([, , id]) => id === 'a'))
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)

  await sideBySide(t, TRANSPORTS.flatMap(({ transport, options }): Claim[] => [
    [`by ${transport}, events of the types error and open reach their listeners and do not change the status`, async (t) => {
      const tab = await pages.open(browser)
      await isNoTurn(t, tab, options)
      await tab.close()
    }],
    [`by ${transport}, an event of the type open does not stop the watchdog`, async (t) => {
      const tab = await pages.open(browser)
      await isStillWatched(t, tab, options)
      await tab.close()
    }],
    [`by ${transport}, an event without an ID has the ID of the previous event, even on a new connection`, async (t) => {
      const tab = await pages.open(browser)
      await keepsId(t, tab, options)
      await tab.close()
    }],
    [`by ${transport}, each event reaches a listener once, even after several new connections`, async (t) => {
      const streams = await startStreams(t)
      const tab = await pages.open(browser)
      await tab.evaluate(`read('one', '${streams.url}', ${options})`)
      await tab.until('readers.one.opens === 1')
      const end = keepBroadcasting(t, streams, 10)
      for (let n = 1; n <= RECONNECTS; n++) {
        // First a lost connection, after which an EventSource reconnects by itself; then a new EventSource.
        await streams.app.sse.disconnect(() => true)
        await tab.until(`readers.one.opens === ${2 * n}`)
        await tab.evaluate('readers.one.stream.reconnect()')
        await tab.until(`readers.one.opens === ${2 * n + 1}`)
      }
      end()
      await tab.until(`readers.one.numbers.length >= ${streams.count}`)
      t.strictSame(await tab.evaluate('readers.one.numbers'), numbers(streams.count))
      t.strictSame(await tab.evaluate('readers.one.gaps'), [])
      t.ok(Object.values(await tab.evaluate<Record<string, number>>('most')).every((most) => most === 1), 'one EventSource is open at a time')
      await tab.close()
    }]
  ]))
}, { atOnce: true })
