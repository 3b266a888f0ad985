import t from 'tap'
import { forEachBrowser } from '../browsers.ts'
import { startDemo } from './demo.ts'

await forEachBrowser(t, async (t, browser) => {
  const demo = await startDemo(t)

  for (const [kind, origin] of [['the streams\' own', demo.streams], ['the other', demo.pages]] as const) {
    await t.test(`the start page on ${kind} origin draws the load of the machine live`, async (t) => {
      const tab = await browser.open(origin)
      const points = '(document.querySelector("#load-line .line")?.getAttribute("d").match(/[ML]/g).length ?? 0)'
      const before = await tab.until<number>(points)
      await tab.until(`${points} >= ${before + 2}`)
      t.match(await tab.evaluate('document.querySelector("#memory").textContent'), /^\d+\.\d\d$/, 'the memory is shown as a number')
      await tab.close()
    })

    await t.test(`a note posted from ${kind} origin appears on the page`, async (t) => {
      const tab = await browser.open(origin)
      await tab.until('document.querySelector("#state").textContent === "open"')
      await tab.type('[name=author]', browser.name)
      await tab.type('[name=text]', '<b>5 < 6</b>')
      await tab.click('#note-form button')
      t.equal(await tab.until('document.querySelector("#notes .data")?.textContent'), '<b>5 < 6</b>', 'as text, not as markup')
      t.match(await tab.until('document.querySelector("#note-answer").textContent'), /^201/)
      await tab.close()
    })

    await t.test(`a note from ${kind} origin that violates its schema is refused with the violated rules`, async (t) => {
      const tab = await browser.open(origin)
      await tab.until('document.querySelector("#state").textContent === "open"')
      await tab.type('[name=author]', 'x'.repeat(41))
      await tab.click('#note-form button')
      const failures = await tab.until<string[]>(`(() => {
        const rows = [...document.querySelectorAll('#note-answer li')].map((row) => row.textContent)
        return rows.length > 0 && rows
      })()`)
      t.match(failures.find((failure) => failure.startsWith('/author')), /40/, 'the rule for the author')
      t.match(failures.find((failure) => failure.startsWith('/text')), /1; it is ""$/, 'the rule for the text')
      t.equal(await tab.evaluate('document.querySelectorAll("#notes li").length'), 0, 'the note is not broadcast')
      await tab.close()
    })
  }
})
