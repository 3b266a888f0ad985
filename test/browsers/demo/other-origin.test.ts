import t from 'tap'
import { forEachBrowser } from '../browsers.ts'
import { startDemo } from './demo.ts'

await forEachBrowser(t, async (t, browser) => {
  const demo = await startDemo(t)

  await t.test('scenario 3: a page of another origin reads the stream', async (t) => {
    const tab = await browser.open(`${demo.pages}/other-origin.html`)
    await tab.until('document.querySelectorAll("#events li").length >= 2')
    t.not(new URL(await tab.evaluate('document.location.href')).origin, demo.streams, 'the page has another origin')
    t.strictSame(
      await tab.evaluate('["page", "events"].map((what) => document.querySelector("#" + what + "-origin").textContent)'),
      [demo.pages, demo.streams],
      'the page shows its own origin and that of its events'
    )
    t.equal(await tab.evaluate('document.querySelector("#state").textContent'), 'open')
    await tab.close()
  })

  await t.test('the start page links scenarios 3, 4 and 5 to the other origin', async (t) => {
    const tab = await browser.open(demo.streams)
    const links = await tab.until<string[]>(`(() => {
      const links = [...document.querySelectorAll('.scenarios a')].map(({ href }) => href)
      return links.every((link) => !link.startsWith('http://localhost:8081')) && links
    })()`)
    t.strictSame(links, [
      `${demo.streams}/unnamed.html`,
      `${demo.streams}/named.html`,
      `${demo.pages}/other-origin.html`,
      `${demo.pages}/credentials.html`,
      `${demo.pages}/comes-back.html`,
      `${demo.streams}/answer.html`
    ])
    await tab.close()
  })
})
