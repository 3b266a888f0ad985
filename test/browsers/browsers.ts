import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium, type Page as ChromiumPage } from 'playwright-core'
import type { BrowserContext, Page as FirefoxPage, PuppeteerNode } from 'puppeteer-core'
import type { Test } from 'tap'
import { notInstalled } from '../support/system.ts'

// `require`, because tap's module loader resolves a file of the dependency chromium-bidi to `BidiMapper.js.js`.
const { default: puppeteer } = createRequire(import.meta.url)('puppeteer-core') as { default: PuppeteerNode }

/** One browser tab. Scripts are plain expressions, because the Content Security Policy of the pages forbids `eval`. */
export interface Tab {
  goto (url: string): Promise<void>
  /** Goes back to the previous page, like the browser's back button. */
  back (): Promise<void>
  evaluate<T> (expression: string): Promise<T>
  click (selector: string): Promise<void>
  type (selector: string, text: string): Promise<void>
  /** Presses the named key on the focused element. */
  press (key: 'Tab' | 'Enter' | 'Home' | 'End' | 'ArrowDown' | 'ArrowUp' | 'ArrowLeft' | 'ArrowRight'): Promise<void>
  resize (width: number, height: number): Promise<void>
  screenshot (path: string, fullPage?: boolean): Promise<void>
  close (): Promise<void>
  /** Resolves with the value of the expression once it is truthy; rejects after `milliseconds` ({@link PATIENCE} by default). */
  until<T> (expression: string, milliseconds?: number): Promise<T>
}

export interface Browser {
  readonly name: string
  open (url: string): Promise<Tab>
  /** Creates a profile, whose tabs share cookies, locks, broadcast channels and connections. */
  profile (): Promise<Profile>
}

interface Profile {
  open (url: string): Promise<Tab>
  /** Takes all tabs of the profile offline, or back online. */
  setOffline (isOffline: boolean): Promise<void>
  /** Closes all tabs of the profile. */
  close (): Promise<void>
}

interface Launched {
  readonly name: string
  /** Puts all tabs of a test file into one profile, where a profile of its own costs processes. */
  readonly sharesProfile: boolean
  profile (): Promise<Profile>
  close (): Promise<void>
}

interface Session extends Browser {
  /** Closes all tabs of the session. */
  close (): Promise<void>
}

/** For facts that a busy machine brings late, in milliseconds. */
export const PATIENCE = 180_000

const VIEWPORT = { width: 1280, height: 800 }

const INSTALLED = [
  { name: 'Chromium', path: '/usr/bin/chromium', launch: launchChromium },
  { name: 'Firefox', path: '/usr/bin/firefox-esr', launch: launchFirefox }
]

export interface LaunchOptions {
  /** Runs all browsers in parallel: for tests that wait more than they compute. */
  readonly atOnce?: boolean
  /** Enables the back/forward cache, which browser automation disables by default. */
  readonly keepsPages?: boolean
}

/** Runs the tests in each real browser, one browser after the other by default. */
export async function forEachBrowser (t: Test, claims: (t: Test, browser: Browser) => Promise<void>, options: LaunchOptions = {}): Promise<void> {
  t.setTimeout(600_000)
  const { atOnce = false, keepsPages = false } = options
  if (atOnce) t.jobs = INSTALLED.length
  await Promise.all(INSTALLED.map(async ({ name, path, launch }) => {
    if (!existsSync(path)) return missing(t, name)
    await t.test(name, { buffered: atOnce }, async (t) => {
      const session = await startSession(await running(`${name} ${keepsPages}`, () => launch(path, keepsPages)))
      t.teardown(() => session.close())
      await claims(t, session)
    })
  }))
  if (!areShared) await closeRunning()
}

let areShared = false
const RUNNING = new Map<string, Promise<Launched>>()

/** Lets the test files of `work` share each browser, which takes longer to start than most tests. */
export async function sharingBrowsers (work: () => Promise<void>): Promise<void> {
  areShared = true
  await work().finally(closeRunning)
}

function running (key: string, launch: () => Promise<Launched>): Promise<Launched> {
  const launched = RUNNING.get(key) ?? launch()
  RUNNING.set(key, launched)
  return launched
}

async function closeRunning (): Promise<void> {
  for (const launched of RUNNING.values()) await (await launched).close()
  RUNNING.clear()
}

/** Starts with no cookies and no storage, like a browser just installed. */
async function startSession ({ name, sharesProfile, profile }: Launched): Promise<Session> {
  const profiles: Profile[] = []
  const create = async (): Promise<Profile> => {
    const created = await profile()
    profiles.push(created)
    return created
  }
  const shared = sharesProfile ? await create() : undefined
  return {
    name,
    open: async (url) => (shared ?? await create()).open(url),
    profile: create,
    close: async () => { await Promise.all(profiles.map((profile) => profile.close())) }
  }
}

function missing (t: Test, name: string): void {
  const skip = notInstalled(name)
  if (skip === false) t.fail(`${name} is not installed`)
  else t.test(name, { skip }, () => {})
}

async function launchChromium (executablePath: string, keepsPages: boolean): Promise<Launched> {
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    timeout: PATIENCE,
    ignoreDefaultArgs: keepsPages ? ['--disable-back-forward-cache'] : [],
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--ignore-certificate-errors']
  })
  return {
    name: 'chromium',
    sharesProfile: false,
    profile: async () => {
      const context = await browser.newContext({ viewport: VIEWPORT })
      context.setDefaultTimeout(0)
      return {
        open: async (url) => chromiumTab(await context.newPage(), url),
        setOffline: (isOffline) => context.setOffline(isOffline),
        close: () => context.close()
      }
    },
    close: () => browser.close()
  }
}

async function chromiumTab (page: ChromiumPage, url: string): Promise<Tab> {
  await page.goto(url, { waitUntil: 'domcontentloaded' })
  const evaluate = <T>(expression: string): Promise<T> => page.evaluate<T>(expression)
  return {
    evaluate,
    until: <T>(expression: string, milliseconds?: number) => until<T>(evaluate, expression, milliseconds),
    goto: async (url) => { await page.goto(url, { waitUntil: 'domcontentloaded' }) },
    back: async () => { await page.goBack({ waitUntil: 'commit' }) },
    click: (selector) => page.click(selector),
    type: (selector, text) => page.locator(selector).pressSequentially(text),
    press: (key) => page.keyboard.press(key),
    resize: (width, height) => page.setViewportSize({ width, height }),
    screenshot: async (path, fullPage = false) => { await page.screenshot({ path, fullPage }) },
    close: () => page.close()
  }
}

async function launchFirefox (executablePath: string, keepsPages: boolean): Promise<Launched> {
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true, timeout: PATIENCE, acceptInsecureCerts: true, extraPrefsFirefox: { 'fission.bfcacheInParent': keepsPages } })
  return {
    name: 'firefox',
    sharesProfile: true,
    profile: async () => {
      const context = await browser.createBrowserContext()
      return {
        open: async (url) => firefoxTab(await newFirefoxPage(context), url),
        setOffline: async (isOffline) => {
          for (const page of await context.pages()) await page.setOfflineMode(isOffline)
        },
        close: () => context.close()
      }
    },
    close: () => browser.close()
  }
}

/** Opens a tab. On a busy machine Firefox may lose a tab that it is just opening, and says so: that tab is opened again. */
async function newFirefoxPage (context: BrowserContext): Promise<FirefoxPage> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await context.newPage()
    } catch (error) {
      if (attempt === 3 || !(error as Error).message.includes('no such frame')) throw error
    }
  }
}

async function firefoxTab (page: FirefoxPage, url: string): Promise<Tab> {
  page.setDefaultTimeout(0)
  await page.setViewport(VIEWPORT)
  await page.goto(url, { waitUntil: 'domcontentloaded' })
  const evaluate = <T>(expression: string): Promise<T> => page.evaluate(expression) as Promise<T>
  return {
    evaluate,
    until: <T>(expression: string, milliseconds?: number) => until<T>(evaluate, expression, milliseconds),
    goto: async (url) => { await page.goto(url, { waitUntil: 'domcontentloaded' }) },
    back: async () => { await page.goBack({ waitUntil: 'domcontentloaded' }) },
    click: (selector) => page.click(selector),
    type: (selector, text) => page.type(selector, text),
    press: (key) => page.keyboard.press(key),
    resize: (width, height) => page.setViewport({ width, height }),
    screenshot: async (path, fullPage = false) => { await page.screenshot({ path: path as `${string}.png`, fullPage }) },
    close: () => page.close()
  }
}

async function until<T> (evaluate: Tab['evaluate'], expression: string, milliseconds = PATIENCE): Promise<T> {
  const deadline = performance.now() + milliseconds
  for (;;) {
    // Evaluation fails while the page navigates away.
    const value = await evaluate<T>(expression).catch((error: Error) => error)
    if (value && !(value instanceof Error)) return value
    if (performance.now() > deadline) throw new Error(`Not within ${milliseconds} ms: ${expression}; it is ${String(value)}`)
    await sleep(50)
  }
}
