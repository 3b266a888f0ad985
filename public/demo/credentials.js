import { connect } from '/sse/client.js'
import { addRow, cell, clock } from './parts/event-list.js'
import { streamsOrigin } from './parts/origins.js'
import { watch } from './parts/status.js'

const url = `${streamsOrigin}/members/events`
const signIn = document.querySelector('#sign-in')
const signOut = document.querySelector('#sign-out')

follow('without', connect(url, { text: ['message'] }))
const member = follow('with', connect(url, { text: ['message'], withCredentials: true }))

// A page cannot read the cookie: only the stream shows whether the browser has it.
member.onStatus(({ state, reason }) => {
  if (state === 'open') offer(signOut)
  if (reason === 'gone') offer(signIn)
})

function follow (name, stream) {
  const panel = document.querySelector(`#${name}`)
  const why = panel.querySelector('.why')
  watch(panel.querySelector('.chip'), stream)
  stream.on('message', (text) => addRow(panel.querySelector('ol'), clock(), cell('data', text)))
  stream.onStatus(({ reason, httpStatus }) => {
    why.hidden = reason !== 'gone'
    why.querySelector('output').textContent = httpStatus
  })
  return stream
}

function offer (form) {
  for (const each of [signIn, signOut]) each.hidden = each !== form
}
