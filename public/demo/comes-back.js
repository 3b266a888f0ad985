import { connect } from '/sse/client.js'
import { addRow, cell, clock, Counter } from './parts/event-list.js'
import { Missing } from './parts/missing.js'
import { streamsOrigin } from './parts/origins.js'
import { watch } from './parts/status.js'

const GAPS = {
  foreign: 'The server was started again and has a history of its own now. What it had sent before it stopped and did not reach this page is gone.',
  evicted: 'This page was away for longer than the server keeps events. The oldest of them are gone.',
  unknown: 'The server does not know the last event ID of this page.',
  future: 'This page has seen more than the server knows of.',
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
// What comes while the snapshot is on its way comes again after it: the stream goes on from where the snapshot was taken.
stream.onGap(async () => {
  const { lastEventId, newest } = await (await fetch(`${streamsOrigin}/test-events`)).json()
  missing.forget()
  $('events').replaceChildren()
  for (const event of newest) show(event)
  addRow($('turns'), clock(), cell('turn', 'snapshot'), cell('data', 'The list is what the server has sent so far, and goes on from there.'))
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
    $('answer').textContent = response.ok ? 'Every stream has been ended. Until five seconds are over, the server answers 503.' : `The server answers ${response.status}.`
  } catch {
    $('answer').textContent = 'The server does not answer.'
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
    case 'connecting': return before === 'open' ? 'It broke off. The browser tries again by itself.' : 'The page connects.'
    case 'open': return 'The stream is open.'
    case 'waiting': return retryAt === null ? 'The page was left.' : `${why(reason, httpStatus)} A new EventSource follows in ${seconds(Math.max(0, retryAt - Date.now()))} s.`
    case 'closed': return 'The server wants it to stay away.'
  }
}

function why (reason, httpStatus) {
  if (reason === 'silent') return 'Nothing was heard from the server.'
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
