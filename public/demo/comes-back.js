import { connect } from '/sse/client.js'
import { addRow, cell, clock, Counter } from './parts/event-list.js'
import { Missing } from './parts/missing.js'
import { streamsOrigin } from './parts/origins.js'
import { watch } from './parts/status.js'

const GAPS = {
  foreign: 'The server was restarted and has a new history. Earlier events that did not reach this page are gone.',
  evicted: 'This page was away for longer than the server keeps events. The oldest events that it missed are gone.',
  unknown: 'The server does not know the last event ID of this page.',
  future: 'The last event ID of this page is ahead of the history of the server.',
  slow: 'This page read too slowly. Some events are gone.'
}

const $ = (id) => document.querySelector(`#${id}`)
const received = new Counter($('received'))
const missing = new Missing($('missing'))
let before
let countdown

const stream = connect(`${streamsOrigin}/events`, { text: ['message'], backoff: { base: 1000, cap: 15_000 } })
stream.on('test-event', (event) => {
  received.add()
  show(event)
})
stream.on('sse.gap', ({ reason }) => {
  missing.forget()
  addRow($('turns'), clock(), cell('turn', 'sse.gap'), cell('data', `(${reason}) ${GAPS[reason]}`))
})
// Events that arrive while the snapshot is loading arrive again after it, because the stream resumes from the position of the snapshot.
stream.onGap(async () => {
  const { lastEventId, newest } = await (await fetch(`${streamsOrigin}/test-events`)).json()
  missing.forget()
  $('events').replaceChildren()
  for (const event of newest) show(event)
  addRow($('turns'), clock(), cell('turn', 'snapshot'), cell('data', 'The list shows the newest events of the server, and the stream resumes from there.'))
  return lastEventId
})
stream.onStatus(turn)
turn(stream.status)
watch($('state'), stream)

$('try-now').addEventListener('click', () => stream.reconnect())

$('outage').addEventListener('click', async () => {
  try {
    const response = await fetch(`${streamsOrigin}/outage`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ seconds: 5 })
    })
    $('answer').textContent = response.ok ? 'All streams have ended. The server responds with 503 for five seconds.' : `The server responded with ${response.status}.`
  } catch {
    $('answer').textContent = 'The server does not respond.'
  }
})

function show ({ count }) {
  missing.look(count)
  addRow($('events'), clock(), cell('count', `#${count}`))
}

function turn (status) {
  if (status.state === 'open') $('answer').textContent = ''
  showWait(status.retryAt)
  addRow($('turns'), clock(), cell('turn', status.state), cell('data', describe(status)))
  before = status.state
}

function describe ({ state, reason, retryAt, httpStatus }) {
  switch (state) {
    case 'connecting': return before === 'open' ? 'The stream broke off. The browser tries again by itself.' : 'The page is connecting.'
    case 'open': return 'The stream is open.'
    case 'waiting': return retryAt === null ? 'The user left the page.' : `${why(reason, httpStatus)} A new EventSource follows in ${seconds(Math.max(0, retryAt - Date.now()))} s.`
    case 'closed': return 'The stream has ended for good.'
  }
}

function why (reason, httpStatus) {
  if (reason === 'silent') return 'The server was silent.'
  return `The browser has given up${httpStatus === undefined ? '' : ` on a ${httpStatus}`}.`
}

function showWait (retryAt) {
  clearInterval(countdown)
  $('try-now').disabled = typeof retryAt !== 'number'
  $('wait').textContent = '–'
  if (typeof retryAt !== 'number') return
  const tick = () => { $('wait').textContent = `${seconds(Math.max(0, retryAt - Date.now()))} s` }
  countdown = setInterval(tick, 100)
  tick()
}

function seconds (milliseconds) {
  return (milliseconds / 1000).toFixed(1)
}
