import t from 'tap'
import { forEachBrowser, type Tab } from '../browsers.ts'
import { holds } from '../holds.ts'
import { startDemo } from './demo.ts'

const state = (word: string): string => `document.querySelector('#state').textContent === '${word}'`
const text = (tab: Tab): Promise<string> => tab.evaluate('document.querySelector("#answer").textContent')
const words = 'document.querySelector("#answer").textContent.split(" ").length'
const received = 'Number(document.querySelector("#received").textContent)'

await forEachBrowser(t, async (t, browser) => {
  const demo = await startDemo(t)

  await t.test('scenario 6: an answer is the same after a reload, in a second window and after a cut, and comes to its end in both', async (t) => {
    const tab = await browser.open(`${demo.streams}/answer.html`)
    await tab.until(state('no answer yet'))
    await tab.click('#ask button')
    await tab.until(`${words} > 5`)
    await tab.evaluate('void setTimeout(() => location.reload())')
    await tab.until(`${state('open')} && ${words} > 8`)
    t.ok(await tab.evaluate<number>(received) < await tab.evaluate<number>(words), 'the words before the reload came together')
    const other = await browser.open(await tab.evaluate('location.href'))
    await other.until(`${state('open')} && ${words} > 12`)
    t.equal(demo.app.sse.count(), 2)
    await tab.click('#cut')
    for (const each of [tab, other]) await each.until('[...document.querySelectorAll("#turns li")].filter((row) => row.textContent.includes("open")).length >= 2')
    for (const each of [tab, other]) await each.until(state('done'))
    t.equal(await text(tab), await text(other))
    t.match(await text(tab), /\.$/)
    t.equal(new Set((await text(tab)).split(/(?<=\.) /)).size, (await text(tab)).split(/(?<=\.) /).length, 'no sentence twice')
    await holds(() => demo.app.sse.count() === 0, 'both streams have ended')
    await Promise.all([tab.close(), other.close()])
  })

  await t.test('scenario 6: stopping an answer in one window shows in the other', async (t) => {
    const tab = await browser.open(`${demo.pages}/answer.html`)
    await tab.click('#ask button')
    await tab.until(`${words} > 3`)
    const other = await browser.open(await tab.evaluate('location.href'))
    await other.until(state('open'))
    await other.click('#stop')
    for (const each of [tab, other]) await each.until(state('stopped'))
    t.equal(await text(tab), await text(other))
    await other.evaluate('location.hash = "0".repeat(32)')
    await other.until(state('forgotten'))
    await Promise.all([tab.close(), other.close()])
  })
})
