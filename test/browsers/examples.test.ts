import t, { type Test } from 'tap'
import { forEachBrowser, type Browser, type Tab } from './browsers.ts'
import { cookieOf, Example, type Proof } from '../examples/example.ts'
import { skip as noNginx } from '../proxies/nginx.ts'
import { noRedis } from '../support/redis.ts'
import { notInstalled } from '../support/system.ts'

const state = (word: string): string => `document.querySelector('#state').textContent === '${word}'`
const messages = (tab: Tab): Promise<string[]> => tab.evaluate('[...document.querySelectorAll("#messages li")].map(({ textContent }) => textContent)')
const shows = (text: string): string => `[...document.querySelectorAll("#messages li")].some(({ textContent }) => textContent === ${JSON.stringify(text)})`

async function signIn (tab: Tab, user: string): Promise<void> {
  await tab.until(state('closed'))
  await tab.type('#sign-in input', user)
  await tab.click('#sign-in button')
  await tab.until(state('open'))
}

interface Case {
  readonly name: string
  readonly environment: Record<string, string>
  /** True when its streams end by themselves during the test. */
  readonly comesBack: boolean
  proofOf (answer: Response): Proof | Promise<Proof>
}

const CASES: Case[] = [
  { name: 'session', environment: {}, comesBack: false, proofOf: cookieOf },
  { name: 'jwt', environment: { TOKEN_LIFETIME: '6' }, comesBack: true, proofOf: cookieOf },
  {
    name: 'ticket',
    environment: { STREAM_LIFETIME: '5' },
    comesBack: true,
    proofOf: async (answer) => ({ authorization: `Bearer ${(await answer.json() as { token: string }).token}` })
  }
]

async function job (t: Test, example: Example, browser: Browser): Promise<void> {
  const percent = 'document.querySelector("progress").value'
  const status = (word: string): string => `document.querySelector('#status').value === '${word}'`
  const lines = (tab: Tab): Promise<string> => tab.evaluate('document.querySelector("#lines").textContent')
  const tab = await browser.open(example.page)
  await tab.click('#start')
  await tab.until(`${percent} > 20`)
  await tab.evaluate('void setTimeout(() => location.reload())')
  await tab.until(`${percent} > 30`)
  const other = await browser.open(await tab.evaluate('location.href'))
  await other.until(`${percent} > 30`)
  await Promise.all([tab, other].map((each) => each.until(status('done'))))
  const all = Array.from({ length: 11 }, (_, step) => `Step ${step} of 10\n`).join('')
  t.strictSame([await lines(tab), await lines(other)], [all, all], 'each line once, after a reload and in a second window')
  await Promise.all([tab.close(), other.close()])

  // In front: Firefox does not deliver clicks to a tab that is hidden behind another.
  const third = await browser.open(example.page)
  await third.click('#start')
  await third.until('!document.querySelector("#stop").disabled')
  await third.click('#stop')
  await third.until(status('stopped'))
  await third.evaluate("void (location.hash = 'unknown')")
  await third.until(status('unknown job'))
  await third.close()
}

async function journey (t: Test, example: Example, browser: Browser, { name, comesBack, proofOf }: Case): Promise<void> {
  // A new token each time: an earlier one may have expired meanwhile.
  const sayAsBob = async (text: string, to?: string): Promise<number> => example.say(await proofOf(await example.post('/sign-in', {}, { user: 'bob' })), text, to)
  const tab = await browser.open(example.page)
  await signIn(tab, 'ada')

  const markup = '<img src="x" onerror="document.title = 1">'
  await sayAsBob('for bob', 'bob')
  await sayAsBob(markup, 'ada')
  await tab.type('#message input[name="text"]', 'hello')
  await tab.click('#message button')
  await tab.until(shows('ada: hello'))
  t.strictSame(await messages(tab), [`bob: ${markup}`, 'ada: hello'], `${name}: messages to everybody and to its user`)
  t.equal(await tab.evaluate('document.querySelectorAll("img").length'), 0, `${name}: markup is shown as text`)

  if (comesBack) {
    await tab.until(state('coming back'))
    await sayAsBob('missed')
    await tab.until(state('open'))
    await tab.until(shows('bob: missed'))
    t.equal((await messages(tab)).length, 3, `${name}: reconnects after the end of its stream and misses nothing`)
  }

  await tab.click('#sign-out')
  await tab.until(state('closed'))
  t.equal(await sayAsBob('for nobody', 'ada'), 0, `${name}: signed out`)
  await tab.close()
}

t.test('the page of every example shows its stream, reconnects, and stays closed after signing out', async (t) => {
  const examples = await Promise.all(CASES.map(async (one) => ({ one, example: await Example.start(t, one.name, one.environment) })))
  // Concurrently, because the examples mostly wait.
  await forEachBrowser(t, async (t, browser) => {
    await Promise.all(examples.map(({ one, example }) => journey(t, example, browser, one)))
  })
})

const KILLS = 3

t.test('the page of the cluster counts on without a gap while the node that serves it is killed', { skip: (noRedis() && notInstalled('redis-server')) || noNginx }, async (t) => {
  const example = await Example.start(t, 'cluster')
  await forEachBrowser(t, async (t, browser) => {
    const tab = await browser.open(example.page)
    const read = async (id: string): Promise<number> => Number(await tab.evaluate(`document.querySelector('${id}').textContent`))
    for (let kill = 1; kill <= KILLS; kill++) {
      await tab.until('!document.querySelector("#kill").disabled && Number(document.querySelector("#number").textContent) > 0')
      const [number, reconnections] = [await read('#number'), await read('#reconnections')]
      await tab.click('#kill')
      await tab.until(`Number(document.querySelector("#reconnections").textContent) > ${reconnections}`)
      await tab.until(`Number(document.querySelector("#number").textContent) > ${number + 3}`)
    }
    t.equal(await read('#gaps'), 0)
    // What was missed arrives before the name of the node.
    await tab.until('/^served by node [abc]$/.test(document.querySelector("#state").textContent)')
    await tab.until('/serves this page/.test(document.querySelector(".serving")?.textContent)')
    await tab.close()
  })
})

t.test('the page of the job survives a reload, in a second window, and shows that its job was stopped', async (t) => {
  const example = await Example.start(t, 'job', { PACE: '150' })
  await forEachBrowser(t, (t, browser) => job(t, example, browser))
})
