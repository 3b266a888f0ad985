import t from 'tap'
import { forEachBrowser } from '../browsers.ts'
import { startDemo } from './demo.ts'

await forEachBrowser(t, async (t, browser) => {
  const demo = await startDemo(t)

  await t.test('scenario 1: unnamed events reach onmessage every two seconds, with the local time', async (t) => {
    const tab = await browser.open(`${demo.streams}/unnamed.html`)
    const times = await tab.until<number[]>(`(() => {
      const rows = [...document.querySelectorAll('#events .data')].map((row) => row.textContent)
      return rows.length >= 3 && rows.map((row) => row.match(/^send data: (\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d)$/)).map((match) => match && Date.parse(match[1].replace(' ', 'T')))
    })()`)
    t.notOk(times.includes(0), 'every row reads like "send data: 2026-01-31 20:34:05"')
    for (const [i, time] of times.slice(1).entries()) t.ok(times[i]! - time >= 1000 && times[i]! - time <= 4000, 'the newest row is on top, one to four seconds after the next row')
    t.equal(await tab.evaluate('document.querySelector("#state").textContent'), 'open', 'the page says that the stream is open')
    t.equal(demo.app.sse.count(), 1, 'the page holds one stream')
    t.equal(await tab.until('document.querySelector("#subscribers").textContent'), '1', 'the page shows one subscriber')
    await tab.close()
  })

  await t.test('the list keeps the newest hundred rows', async (t) => {
    const tab = await browser.open(`${demo.streams}/unnamed.html`)
    await tab.until('document.querySelector("#state").textContent === "open"')
    for (let i = 1; i <= 150; i++) await demo.app.sse.broadcast('message', `row ${i}`)
    await tab.until('Number(document.querySelector("#received").textContent) >= 150')
    const rows = await tab.evaluate<string[]>('[...document.querySelectorAll("#events .data")].map((row) => row.textContent)')
    t.equal(rows.length, 100)
    t.ok(rows.includes('row 150'), 'the newest row is listed')
    t.notOk(rows.includes('row 50'), 'the row a hundred before it is not listed')
    await tab.close()
  })
})
