import { post } from '/post.js'

const { EventSource } = window

export const title = 'Sessions'
export const signIn = (body) => post('/sign-in', body)
export const signOut = () => post('/sign-out')
export const send = (body) => post('/messages', body)

let source

export function connect (page) {
  source?.close()
  // The browser sends the cookie. When the stream ends, the browser comes back by itself, with the ID of the last event.
  source = new EventSource('/events')
  source.onopen = () => page.show('open')
  source.onmessage = ({ data }) => page.add(JSON.parse(data))
  // The browser gives up on 401, and on 204, the response to a reader whose stream was ended for good.
  source.onerror = () => page.show(source.readyState === EventSource.CLOSED ? 'closed' : 'coming back')
}
