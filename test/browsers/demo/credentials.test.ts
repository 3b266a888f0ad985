import t from 'tap'
import { forEachBrowser } from '../browsers.ts'
import { startDemo } from './demo.ts'

await forEachBrowser(t, async (t, browser) => {
  const demo = await startDemo(t)
  const state = (panel: string, word: string): string => `document.querySelector('#${panel} .chip').textContent === '${word}'`

  await t.test('scenario 4: a page of another origin reads the members\' stream only with credentials', async (t) => {
    const tab = await browser.open(`${demo.pages}/credentials.html`)
    await tab.until(state('with', 'closed'))
    await tab.until(state('without', 'closed'))
    t.pass('both streams are refused before the sign-in')

    await tab.click('#sign-in button')
    await tab.until(state('with', 'open'))
    t.equal(new URL(await tab.evaluate('document.location.href')).origin, demo.pages, 'the sign-in leads back to the other origin')
    t.match(await tab.until('document.querySelector("#with li .data")?.textContent'), /^members only: \d{4}-/, 'the stream with credentials opens')
    await tab.until(state('without', 'closed'))
    t.equal(await tab.evaluate('document.querySelectorAll("#without li").length'), 0, 'the stream without credentials is still refused')
    t.equal(await tab.evaluate('document.cookie'), '', 'no script can read the cookie')

    await tab.click('#sign-out button')
    await tab.until(`${state('with', 'closed')} && !document.querySelector('#sign-in').hidden`)
    t.pass('both streams are refused after the sign-out')
    await tab.close()
  })
})
