import type { Address, AskedOfServer, Plan, ToldByServer } from '../contract.ts'
import { LoopWatch } from './loop-watch.ts'
import { Publisher } from './publisher.ts'
import { resident } from './resident.ts'
import { load } from '../servers/index.ts'

// node server-process.js <name>: the process of one server under test, started by the driver.

const CLOSING_LIMIT = 2000

const contestant = await load(process.argv[2]!)
const publisher = new Publisher((payload, channel) => contestant.publish(payload, channel))
const loopWatch = new LoopWatch()
let address: Address
let publishedBefore = 0

process.once('disconnect', () => process.exit())
process.on('message', (asked: AskedOfServer) => {
  // Immediately, without waiting for earlier replies.
  if (asked === 'next') publisher.next()
  else if (typeof asked === 'object' && 'publish' in asked) void publish(asked.publish)
  else answered = answered.then(() => answer(asked))
})
let answered = Promise.resolve()

async function publish (plan: Plan): Promise<void> {
  tell({ what: 'published', count: await publisher.run(plan) })
}

async function answer (asked: Exclude<AskedOfServer, 'next' | { publish: Plan }>): Promise<void> {
  if (asked === 'begin') {
    publishedBefore = publisher.published
    loopWatch.begin()
    tell({ what: 'began' })
  } else if (asked === 'report') {
    const loopDelay = loopWatch.end()
    tell({ what: 'report', report: { loopDelay, published: publisher.published - publishedBefore, open: await contestant.count() } })
  } else if (asked === 'memory') {
    tell({ what: 'memory', rss: await resident(address.pids) })
  } else if (asked === 'stop') {
    setTimeout(() => process.exit(), CLOSING_LIMIT)
    await contestant.close()
    process.exit()
  } else {
    const line = contestant.missing?.()
    if (line !== undefined) {
      process.send?.({ what: 'missing', line } satisfies ToldByServer, () => process.exit())
      return
    }
    address = await contestant.start(asked.setup)
    tell({ what: 'listening', address })
  }
}

function tell (told: ToldByServer): void {
  process.send?.(told)
}
