import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import t from 'tap'
import { forEachBrowser } from '../browsers.ts'
import { startDemo } from './demo.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const PAGES = [
  ['', 'document.querySelector("#load").textContent !== "–"'],
  ['unnamed.html', 'document.querySelectorAll("#events li").length >= 1'],
  ['named.html', 'document.querySelectorAll("#events li").length >= 1'],
  ['other-origin.html', 'document.querySelectorAll("#events li").length >= 1'],
  ['credentials.html', 'document.querySelector("#with .why output").textContent === "401"'],
  ['comes-back.html', 'document.querySelectorAll("#events li").length >= 1'],
  ['answer.html', 'document.querySelector("#state").textContent === "no answer yet"']
] as const

await forEachBrowser(t, async (t, browser) => {
  const demo = await startDemo(t)

  for (const [page, shows] of PAGES) {
    await t.test(`axe-core finds no violation on /${page} in light and dark, wide and narrow, and the page never scrolls sideways`, async (t) => {
      const tab = await browser.open(`${demo.pages}/${page}`)
      await tab.until(shows)
      // axe-core would otherwise measure the contrast of colours that are still fading in.
      await tab.evaluate('document.querySelectorAll("li").forEach((row) => { row.style.animation = "none" })')
      await tab.evaluate(AXE)
      for (const width of [390, 1280]) {
        await tab.resize(width, 800)
        for (const scheme of ['light', 'dark']) {
          await tab.evaluate(`document.documentElement.style.colorScheme = '${scheme}'`)
          const found = await tab.evaluate('axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")))')
          t.strictSame(found, [], `${scheme}, ${width} px`)
        }
        t.equal(await tab.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth'), true, `the page fits into ${width} px`)
      }
      await tab.close()
    })
  }
})
