import t from 'tap'
import { forEachBrowser } from '../browsers.ts'
import { startDemo } from './demo.ts'

await forEachBrowser(t, async (t, browser) => {
  const demo = await startDemo(t)

  await t.test('scenario 2: a listener receives the events of its name and no others', async (t) => {
    const tab = await browser.open(`${demo.streams}/named.html`)
    const rows = await tab.until<string[]>(`(() => {
      const rows = [...document.querySelectorAll('#events li')].map((row) => row.querySelector('.count').textContent + ' ' + row.querySelector('.data').textContent)
      return rows.length >= 3 && rows
    })()`)
    const counts = rows.map((row) => Number(/^#(\d+) \d+ subscribers?$/.exec(row)?.[1]))
    for (const [i, count] of counts.slice(1).entries()) t.equal(counts[i]! - count, 1, 'the counts are consecutive')
    t.match(rows[0], / 1 subscriber$/, 'the typed payload counts one subscriber, this page')
    await tab.until('Number(document.querySelector("#passed").textContent) >= 5')
    t.pass('events of other names were sent meanwhile')
    await tab.close()
  })
})
