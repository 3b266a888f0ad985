import t from 'tap'
import { forEachBrowser } from '../browsers.ts'
import { cells, chip, choose, inspect, lines, start, text, toggle, total } from './inspector.ts'

const event = (data: string, type = 'message'): string => `event: ${type}\ndata: ${data}\n\n`

/** Defines `leftOf` in the page: the x coordinate, in pixels, of the first occurrence of a text. */
const LEFT_OF = `globalThis.leftOf = (root, text) => {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const at = node.data.indexOf(text)
    if (at < 0) continue
    const range = document.createRange()
    range.setStart(node, at)
    range.setEnd(node, at + text.length)
    return range.getBoundingClientRect().left
  }
}; true`

await forEachBrowser(t, async (t, browser) => {
  await t.test('a payload with four million escapes in one string expands to indented JSON', async (t) => {
    const escapes = 4_000_000
    const tab = await inspect(t, browser, await start(t, {}, 0, event(`{"text":"${'\\n'.repeat(escapes)}\\\\","after":[1,true,{}]}`)), '?url=/raw')
    await tab.until(`${lines}.length === 1`)
    await tab.evaluate(toggle(0))
    t.match(await tab.evaluate(`${text('.detail pre')}.slice(0, 20)`), /^\{\n {2}"text": "\\n\\n/)
    await tab.evaluate('document.querySelector(".detail .cut button").click()')
    const whole = await tab.evaluate<string>(`${text('.detail pre')}.slice(-60)`)
    t.ok(whole.endsWith('\\n\\\\",\n  "after": [\n    1,\n    true,\n    {}\n  ]\n}'), whole)
    t.equal(await tab.evaluate(`${text('.detail pre')}.length`), `{\n  "text": "${'\\n'.repeat(escapes)}\\\\",\n  "after": [\n    1,\n    true,\n    {}\n  ]\n}`.length)
  })

  await t.test('closing the stream by keyboard moves the focus to the button "New object", which opens it again and keeps the focus', async (t) => {
    const tab = await inspect(t, browser, await start(t))
    await tab.until(chip('open'))
    await tab.evaluate('document.getElementById("close").focus()')
    await tab.press('Enter')
    await tab.until(chip('closed'))
    t.equal(await tab.evaluate('document.activeElement.id'), 'renew')
    await tab.press('Enter')
    await tab.until(chip('open'))
    t.equal(await tab.evaluate('document.activeElement.id'), 'renew')
  })

  await t.test('emoji and Persian words keep their joiners, and joiners in other text are written as escapes', async (t) => {
    const raw = [event('👩‍💻 👨‍👩‍👧 ❤️‍🔥 می‌خواهم'), event('ad\u200dmin \u200c'), event(`${'x'.repeat(299)}😀`)].join('')
    const tab = await inspect(t, browser, await start(t, {}, 0, raw), '?url=/raw')
    await tab.until(`${lines}.length === 3`)
    t.strictSame(await tab.evaluate(cells('preview')), [
      '👩‍💻 👨‍👩‍👧 ❤️‍🔥 می‌خواهم', 'ad\\u{200d}min \\u{200c}', `${'x'.repeat(299)}…`
    ], 'the preview cuts no surrogate pair in half')
  })

  await t.test('JSON runs from left to right even if its first key is Hebrew, and other text runs in the direction of its first letter', async (t) => {
    const raw = event('{"סוג":"הזמנה","n":1}') + event('שלום abc')
    const tab = await inspect(t, browser, await start(t, {}, 0, raw), '?url=/raw')
    await tab.until(`${lines}.length === 2`)
    await tab.evaluate(toggle(0))
    await tab.evaluate(toggle(1))
    await tab.evaluate(LEFT_OF)
    for (const place of [`${lines}[0].querySelector('.preview')`, 'document.querySelector(".detail pre")']) {
      const lefts = await tab.evaluate<number[]>(`['{', 'סוג', 'הזמנה', ${place}.tagName === 'PRE' ? '1' : '"n"'].map((text) => leftOf(${place}, text))`)
      const [brace, key, value, last] = lefts as [number, number, number, number]
      t.ok(brace < key && key < value, `${place}: ${lefts.join(', ')}`)
      if (place.includes('preview')) t.ok(value < last)
    }
    t.ok(await tab.evaluate(`leftOf(${lines}[1].querySelector('.preview'), 'abc') < leftOf(${lines}[1].querySelector('.preview'), 'שלום')`))
    t.equal(await tab.evaluate('getComputedStyle(document.querySelectorAll(".detail pre")[1]).direction'), 'rtl')
  })

  await t.test('the type filter lists each of 600 types, and of 3,000 types says that there are more than 1,000', async (t) => {
    const typed = (from: number, to: number): string => Array.from({ length: to - from }, (_, n) => event(String(from + n), `type-${from + n}`)).join('')
    const values = '[...document.querySelectorAll("#type option")].filter(({ disabled }) => !disabled).map(({ value }) => value)'
    const tab = await inspect(t, browser, await start(t, {}, 0, typed(0, 600)), '?url=/raw')
    await tab.until(total('600'))
    await tab.until(`${values}.includes('type-599')`)
    await tab.evaluate(choose('type', 'type-599'))
    t.strictSame(await tab.evaluate(cells('preview')), ['599'])
    const more = await inspect(t, browser, await start(t, {}, 0, typed(0, 3000)), '?url=/raw')
    await more.until(total('3,000'))
    t.match(await more.until('document.querySelector("#type option:disabled")?.textContent'), /^More than 1,000 types: filter by text$/)
    t.equal(await more.evaluate('document.querySelectorAll("#type option:disabled").length'), 1)
    await more.evaluate(choose('text', 'type-2999'))
    t.strictSame(await more.evaluate(cells('preview')), ['2999'])
  })

  await t.test('a type and an ID of 10,000 characters each are shortened, so that the payload stays in sight', async (t) => {
    const long = 'long'.repeat(2500)
    const tab = await inspect(t, browser, await start(t, {}, 0, `id: ${long}\n${event('{"a":1}', long)}`), '?url=/raw')
    await tab.until(`${lines}.length === 1`)
    await tab.evaluate(toggle(0))
    t.ok(await tab.evaluate('document.querySelector(".detail pre").offsetTop - document.querySelector(".detail").offsetTop < 300'))
    t.equal((await tab.evaluate<string>(text('.about'))).match(/… \(10,000 characters\)/g)?.length, 2)
    t.ok(await tab.evaluate('document.body.innerHTML.length < 100_000'))
  })
})
