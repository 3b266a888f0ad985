import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import t from 'tap'
import { forEachBrowser } from '../browsers.ts'
import { chip, choose, inspect, shows, start, toggle } from './inspector.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Expression for a short name of the focused element. */
const focused = '(({ activeElement: one }) => one.id || one.name || (one.classList.contains(\'toggle\') ? \'toggle of \' + (/"total":(\\d+)/.exec(one.closest(\'.line\').textContent)?.[1] ?? one.textContent) : one.textContent))(document)'

await forEachBrowser(t, async (t, browser) => {
  await t.test('Tab reaches each control, one line and the buttons in it, and arrow keys, Home and End move between the lines', async (t) => {
    const journey = await start(t)
    const tab = await inspect(t, browser, journey)
    await tab.until(chip('open'))
    for (const number of [1, 2, 3]) await journey.order(number)
    await tab.until(shows(1, 2, 3))
    const order: string[] = []
    for (let i = 0; i < 20 && order.at(-1) !== 'toggle of 3'; i++) {
      await tab.press('Tab')
      order.push(await tab.evaluate(focused))
    }
    t.strictSame(order, ['Skip to the events', 'url', 'Connect', 'transport', 'credentials', 'cut', 'renew', 'from-id', 'from-button', 'close',
      'type', 'text', 'heartbeats', 'pause', 'clear', 'toggle of 3'], 'Tab stops once at each control, and only at the newest line')
    const walk: string[] = []
    for (const key of ['ArrowUp', 'ArrowUp', 'ArrowDown', 'Home', 'End'] as const) {
      await tab.press(key)
      walk.push(await tab.evaluate(focused))
    }
    t.strictSame(walk, ['toggle of 2', 'toggle of 1', 'toggle of 2', 'toggle of sse.open', 'toggle of 3'])
    await tab.press('ArrowRight')
    t.equal(await tab.evaluate('document.querySelectorAll(".detail").length'), 1)
    await tab.press('Tab')
    t.equal(await tab.evaluate(focused), 'Copy data')
    await journey.order(4)
    await tab.until(shows(1, 2, 3, 4))
    t.equal(await tab.evaluate(focused), 'Copy data', 'an arriving event does not move the focus')
  })

  await t.test('axe-core finds no violation in light and dark, wide and narrow, with lines, a gap and an expanded line on the page', async (t) => {
    const journey = await start(t, { history: { maxEvents: 2 } })
    const tab = await inspect(t, browser, journey)
    await tab.until(chip('open'))
    const ids = await Promise.all([1, 2, 3, 4].map((number) => journey.order(number)))
    await tab.evaluate(choose('from-id', ids[0]!))
    await tab.click('#from-button')
    await tab.until('document.querySelector("#rows .gap") !== null')
    await tab.until(shows(1, 2, 3, 4, 3, 4))
    await tab.evaluate(toggle(1))
    await tab.evaluate('document.querySelector("#declared li:nth-child(2) summary").click()')
    await tab.evaluate(`(() => { ${AXE}; return true })()`)
    for (const [width, height] of [[1280, 800], [390, 844]] as const) {
      await tab.resize(width, height)
      await tab.until(`innerWidth === ${width}`)
      t.ok(await tab.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'the page does not scroll sideways')
      for (const scheme of ['light', 'dark']) {
        await tab.evaluate(`document.documentElement.style.colorScheme = '${scheme}'`)
        t.strictSame(await tab.evaluate('axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => html.slice(0, 200) + failureSummary)]))'), [], `${width} px, ${scheme}`)
      }
    }
  })
})
