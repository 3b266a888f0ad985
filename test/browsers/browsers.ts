import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import type { PuppeteerNode } from 'puppeteer-core'
import type { Test } from 'tap'
import { notInstalled } from '../support/system.ts'

// Not by `import`: the module loader that tap puts in takes a file of its dependency chromium-bidi for `BidiMapper.js.js`.
const { default: puppeteer } = createRequire(import.meta.url)('puppeteer-core') as { default: PuppeteerNode }

/** One tab. What is evaluated is an expression: the page's policy forbids it to make code out of text. */
export interface Tab {
  goto (url: string): Promise<void>
  evaluate<T> (expression: string): Promise<T>
  click (selector: string): Promise<void>
  type (selector: string, text: string): Promise<void>
  screenshot (path: string, fullPage?: boolean): Promise<void>
  close (): Promise<void>
  /** Resolves with what the expression gives once that is truthy; rejects when it has not been in time. */
  until<T> (expression: string, milliseconds?: number): Promise<T>
}

export interface Browser {
  readonly name: string
  open (url: string): Promise<Tab>
}

interface Launched extends Browser {
  close (): Promise<void>
}

const INSTALLED = [
  { name: 'Chromium', path: '/usr/bin/chromium', launch: launchChromium },
  { name: 'Firefox', path: '/usr/bin/firefox-esr', launch: launchFirefox }
]

/** Runs the same claims in each real browser, one after the other. */
export async function forEachBrowser (t: Test, claims: (t: Test, browser: Browser) => Promise<void>): Promise<void> {
  t.setTimeout(180_000)
  for (const { name, path, launch } of INSTALLED) {
    if (!existsSync(path)) {
      missing(t, name)
      continue
    }
    await t.test(name, async (t) => {
      const browser = await launch(path)
      t.teardown(() => browser.close())
      await claims(t, browser)
    })
  }
}

function missing (t: Test, name: string): void {
  const skip = notInstalled(name)
  if (skip === false) t.fail(`${name} is not installed`)
  else t.test(name, { skip }, () => {})
}

async function launchChromium (executablePath: string): Promise<Launched> {
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync']
  })
  return {
    name: 'chromium',
    async open (url) {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
      await page.goto(url, { waitUntil: 'domcontentloaded' })
      const evaluate = <T>(expression: string): Promise<T> => page.evaluate<T>(expression)
      return {
        evaluate,
        until: <T>(expression: string, milliseconds?: number) => until<T>(evaluate, expression, milliseconds),
        goto: async (url) => { await page.goto(url, { waitUntil: 'domcontentloaded' }) },
        click: (selector) => page.click(selector),
        type: (selector, text) => page.locator(selector).pressSequentially(text),
        screenshot: async (path, fullPage = false) => { await page.screenshot({ path, fullPage }) },
        close: () => page.close()
      }
    },
    close: () => browser.close()
  }
}

async function launchFirefox (executablePath: string): Promise<Launched> {
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true })
  return {
    name: 'firefox',
    async open (url) {
      const page = await browser.newPage()
      await page.setViewport({ width: 1280, height: 800 })
      await page.goto(url, { waitUntil: 'domcontentloaded' })
      const evaluate = <T>(expression: string): Promise<T> => page.evaluate(expression) as Promise<T>
      return {
        evaluate,
        until: <T>(expression: string, milliseconds?: number) => until<T>(evaluate, expression, milliseconds),
        goto: async (url) => { await page.goto(url, { waitUntil: 'domcontentloaded' }) },
        click: (selector) => page.click(selector),
        type: (selector, text) => page.type(selector, text),
        screenshot: async (path, fullPage = false) => { await page.screenshot({ path: path as `${string}.png`, fullPage }) },
        close: () => page.close()
      }
    },
    close: () => browser.close()
  }
}

async function until<T> (evaluate: Tab['evaluate'], expression: string, milliseconds = 15_000): Promise<T> {
  const deadline = performance.now() + milliseconds
  for (;;) {
    // A page that is just being left has no answer.
    const value = await evaluate<T>(expression).catch((error: Error) => error)
    if (value && !(value instanceof Error)) return value
    if (performance.now() > deadline) throw new Error(`Not within ${milliseconds} ms: ${expression}; it is ${String(value)}`)
    await sleep(50)
  }
}
