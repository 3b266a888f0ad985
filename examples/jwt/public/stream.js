import { post } from '/post.js'

const { EventSource } = window

export const title = 'Tokens'
export const signIn = (body) => post('/sign-in', body)
export const signOut = () => post('/sign-out')
export const send = (body) => post('/messages', body)

let source
let timer

export async function connect (page) {
  await renew()
  source?.close()
  // The browser sends the cookie with the token. The stream ends when its token expires. The browser then comes back by itself, with the
  // current token and the ID of the last event, so no event is missed.
  source = new EventSource('/events')
  source.onopen = () => page.show('open')
  source.onmessage = ({ data }) => page.add(JSON.parse(data))
  source.onerror = () => page.show(source.readyState === EventSource.CLOSED ? 'closed' : 'coming back')
}

/** Renews the token now, and then repeatedly while the page is open. */
async function renew () {
  clearTimeout(timer)
  const response = await post('/renewals')
  if (!response.ok) return
  const { expiresIn } = await response.json()
  timer = setTimeout(renew, expiresIn * 500)
}
