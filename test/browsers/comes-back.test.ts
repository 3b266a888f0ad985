import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { forEachBrowser, type Tab } from './browsers.ts'
import { holds, startDemo } from './demo.ts'

const LONGEST_RECONNECTION_TIME = 1500
const OPEN = 'document.querySelector("#state").textContent === "open"'
const rowsWith = (list: string, text: string): string => `[...document.querySelectorAll("${list} li")].filter((row) => row.textContent.includes("${text}")).length`
const received = (tab: Tab): Promise<number> => tab.evaluate('Number(document.querySelector("#received").textContent)')
const turns = (tab: Tab): Promise<string[]> => tab.evaluate('[...document.querySelectorAll("#turns li")].map((row) => row.textContent)')

await forEachBrowser(t, async (t, browser) => {
  const demo = await startDemo(t)

  await t.test('scenario 5: a page of another origin comes back after its server was stopped and started again', async (t) => {
    const tab = await browser.open(`${demo.pages}/comes-back.html`)
    await tab.until('document.querySelectorAll("#events li").length >= 1')

    await demo.stop()
    // Firefox gives up, Chromium tries again by itself and does not tell how often.
    await tab.until(browser.name === 'chromium' ? `${rowsWith('#turns', 'tries again')} >= 1` : `${rowsWith('#turns', 'has given up')} >= 2`)
    await sleep(LONGEST_RECONNECTION_TIME)
    await demo.start()

    await tab.until(OPEN)
    const before = await received(tab)
    await tab.until(`Number(document.querySelector("#received").textContent) > ${before}`)
    t.ok((await turns(tab)).some((turn) => turn.includes('(foreign)')), 'and says that the new server knows nothing of the events before')
    await tab.until(`${rowsWith('#turns', 'snapshot')} === 1`)
    await holds(() => demo.app.sse.count() === 1, 'exactly one connection')
    const next = await received(tab)
    await tab.until(`Number(document.querySelector("#received").textContent) > ${next}`)
    const counts = await tab.evaluate<number[]>('[...document.querySelectorAll("#events .count")].map((count) => Number(count.textContent.slice(1)))')
    t.strictSame(counts, Array.from(counts, (_, n) => counts.length - n), 'its list is that of the new server, without a hole')
    await tab.close()
    await holds(() => demo.app.sse.count() === 0, 'the server has seen the page leave')
  })

  await t.test('scenario 5: after an outage that answers 503 the page comes back and misses no event', async (t) => {
    const tab = await browser.open(`${demo.pages}/comes-back.html`)
    await tab.until('document.querySelectorAll("#events li").length >= 1')

    await tab.click('#outage')
    await tab.until('document.querySelector("#state").textContent === "waiting"')
    t.equal(demo.app.sse.count(), 0, 'the browser has given up, nobody is connected')
    // One that the page can only get because it goes on from its last event ID.
    const number = await tab.evaluate<number>('Number(document.querySelector("#events .count").textContent.slice(1))')
    await tab.until(OPEN)
    await tab.until(`Number(document.querySelector("#events .count").textContent.slice(1)) > ${number + 2}`)
    t.equal(demo.app.sse.count(), 1, 'with exactly one connection')
    t.equal(await tab.evaluate('document.querySelector("#missing").textContent'), '0', 'the numbers of the events follow each other')
    t.notOk((await turns(tab)).some((turn) => turn.includes('sse.gap')), 'and no gap was told')
    await tab.close()
  })
})
