import { addRow, cell, clock } from './parts/event-list.js'
import { streamsOrigin } from './parts/origins.js'
import { watch } from './parts/status.js'

const url = `${streamsOrigin}/members/events`
const signIn = document.querySelector('#sign-in')
const signOut = document.querySelector('#sign-out')

follow('without', new window.EventSource(url))
const member = follow('with', new window.EventSource(url, { withCredentials: true }))

// The cookie is out of reach for a page: only the stream tells whether it is there.
member.addEventListener('open', () => offer(signOut))
member.addEventListener('error', () => offer(signIn))

function follow (name, source) {
  const panel = document.querySelector(`#${name}`)
  watch(panel.querySelector('.chip'), source)
  source.addEventListener('message', ({ data }) => addRow(panel.querySelector('ol'), clock(), cell('data', data)))
  source.addEventListener('open', () => { panel.querySelector('.why').hidden = true })
  source.addEventListener('error', () => { panel.querySelector('.why').hidden = source.readyState !== window.EventSource.CLOSED })
  return source
}

function offer (form) {
  for (const each of [signIn, signOut]) each.hidden = each !== form
}
