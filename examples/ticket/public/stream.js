import { post } from '/post.js'

const { EventSource, fetch } = window
const { api } = await (await fetch('/config.json')).json()

export const title = 'Tickets'
export const signIn = async (body) => { ({ token } = await (await post(`${api}/sign-in`, body)).json()) }
export const signOut = () => post(`${api}/sign-out`, undefined, authorization())
export const send = (body) => post(`${api}/messages`, body, authorization())

// In memory alone: not where another page or the next visitor would find it.
let token = ''
let source
let timer
let lastEventId = ''

const authorization = () => ({ authorization: `Bearer ${token}` })

export async function connect (page) {
  source?.close()
  clearTimeout(timer)
  const answer = await post(`${api}/tickets`, undefined, authorization()).catch(() => undefined)
  if (answer?.status === 401) return page.show('closed')
  if (!answer?.ok) return comeBack(page)
  const { ticket } = await answer.json()

  // A new EventSource knows nothing of the one before: what was heard last stands in the URL.
  const query = new URLSearchParams({ ticket, lastEventId })
  source = new EventSource(`${api}/events?${query}`)
  source.onopen = () => page.show('open')
  // The browser would come back with the same URL. Its ticket is used up: it would be refused, and give up for good.
  source.onerror = () => comeBack(page)
  for (const type of ['message', 'sse.open', 'sse.gap']) source.addEventListener(type, (event) => { lastEventId = event.lastEventId || lastEventId })
  source.onmessage = ({ data }) => page.add(JSON.parse(data))
  source.addEventListener('sse.close', () => {
    source.close()
    page.show('closed')
  })
}

function comeBack (page) {
  source?.close()
  page.show('coming back')
  // Not all readers at once.
  timer = setTimeout(() => connect(page), 1000 + 4000 * Math.random())
}
