import { post } from '/post.js'

const { EventSource, fetch } = window
const { api } = await (await fetch('/config.json')).json()

export const title = 'Tickets'
export const signIn = async (body) => { ({ token } = await (await post(`${api}/sign-in`, body)).json()) }
export const signOut = () => post(`${api}/sign-out`, undefined, authorization())
export const send = (body) => post(`${api}/messages`, body, authorization())

// Only in memory, so that no other page and no later visitor of this browser finds it.
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

  // A new EventSource has no last event ID, so the URL carries it.
  const query = new URLSearchParams({ ticket, lastEventId })
  source = new EventSource(`${api}/events?${query}`)
  source.onopen = () => page.show('open')
  // The browser would come back with this URL. Its ticket is used up, so the browser would be refused, and give up for good.
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
  // A random wait, so that not all readers come back together.
  timer = setTimeout(() => connect(page), 1000 + 4000 * Math.random())
}
