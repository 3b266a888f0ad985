import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { forEachBrowser, type Tab } from '../browsers.ts'
import { holds } from '../holds.ts'
import { startDemo } from './demo.ts'

const LONGEST_RECONNECTION_TIME = 1500
const OPEN = 'document.querySelector("#state").textContent === "open"'
const rowsWith = (list: string, text: string): string => `[...document.querySelectorAll("${list} li")].filter((row) => row.textContent.includes("${text}")).length`
const received = (tab: Tab): Promise<number> => tab.evaluate('Number(document.querySelector("#received").textContent)')
const turns = (tab: Tab): Promise<string[]> => tab.evaluate('[...document.querySelectorAll("#turns li")].map((row) => row.textContent)')

await forEachBrowser(t, async (t, browser) => {
  const demo = await startDemo(t)

  await t.test('scenario 5: a page of another origin reconnects after its server was stopped and started again', async (t) => {
    const tab = await browser.open(`${demo.pages}/comes-back.html`)
    await tab.until('document.querySelectorAll("#events li").length >= 1')

    await demo.stop()
    // Firefox gives up after each failure; Chromium retries by itself and does not report how often.
    await tab.until(browser.name === 'chromium' ? `${rowsWith('#turns', 'tries again')} >= 1` : `${rowsWith('#turns', 'has given up')} >= 2`)
    await sleep(LONGEST_RECONNECTION_TIME)
    await demo.start()

    await tab.until(OPEN)
    const before = await received(tab)
    await tab.until(`Number(document.querySelector("#received").textContent) > ${before}`)
    t.ok((await turns(tab)).some((turn) => turn.includes('(foreign)')), 'the page reports that its last event ID is foreign to the new server')
    await tab.until(`${rowsWith('#turns', 'snapshot')} === 1`)
    await holds(() => demo.app.sse.count() === 1, 'exactly one stream is open')
    const next = await received(tab)
    await tab.until(`Number(document.querySelector("#received").textContent) > ${next}`)
    const counts = await tab.evaluate<number[]>('[...document.querySelectorAll("#events .count")].map((count) => Number(count.textContent.slice(1)))')
    t.strictSame(counts, Array.from(counts, (_, n) => counts.length - n), 'the list holds consecutive events of the new server')
    await tab.close()
    await holds(() => demo.app.sse.count() === 0, 'the server has noticed that the page closed')
  })

  await t.test('scenario 5: a page reconnects after an outage with status 503 and misses no event', async (t) => {
    const tab = await browser.open(`${demo.pages}/comes-back.html`)
    await tab.until('document.querySelectorAll("#events li").length >= 1')

    await tab.click('#outage')
    await tab.until('document.querySelector("#state").textContent === "waiting"')
    t.equal(demo.app.sse.count(), 0, 'the browser has given up, and no stream is open')
    // The page receives the events of the outage only because it resumes from its last event ID.
    const number = await tab.evaluate<number>('Number(document.querySelector("#events .count").textContent.slice(1))')
    await tab.until(OPEN)
    await tab.until(`Number(document.querySelector("#events .count").textContent.slice(1)) > ${number + 2}`)
    t.equal(demo.app.sse.count(), 1, 'exactly one stream is open again')
    t.equal(await tab.evaluate('document.querySelector("#missing").textContent'), '0', 'the event numbers are consecutive')
    t.notOk((await turns(tab)).some((turn) => turn.includes('sse.gap')), 'the page received no sse.gap')
    await tab.close()
  })
})
