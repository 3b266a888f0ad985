import { Comeback } from './parts/comeback.js'
import { addRow, cell, clock, Counter } from './parts/event-list.js'
import { Missing } from './parts/missing.js'
import { streamsOrigin } from './parts/origins.js'
import { showState } from './parts/status.js'

const GAPS = {
  foreign: 'The server was started anew and has a history of its own now. What it had sent before it stopped and did not reach this page is gone; from here on the list is complete again.',
  evicted: 'This page was away for longer than the server keeps events. The oldest of them are gone; what is kept has been sent again.',
  unknown: 'The server cannot read the last event ID of this page. What it keeps has been sent again.',
  future: 'This page has seen more than the server knows of. It goes on with what comes next.',
  slow: 'This page read too slowly. Some events are gone; it goes on with the oldest that are left.'
}

const $ = (id) => document.querySelector(`#${id}`)
const received = new Counter($('received'))
const missing = new Missing($('missing'))
let countdown

const stream = new Comeback(`${streamsOrigin}/events`, {
  events: {
    'test-event': ({ data }) => {
      const { count } = JSON.parse(data)
      received.add()
      missing.look(count)
      addRow($('events'), clock(), cell('count', `#${count}`))
    },
    // Only for their event IDs: the newest one is where a new EventSource goes on.
    message: () => {},
    machine: () => {},
    note: () => {},
    'sse.open': () => {},
    'sse.gap': ({ data }) => {
      const { reason } = JSON.parse(data)
      missing.forget()
      addRow($('turns'), clock(), cell('turn', 'sse.gap'), cell('data', `(${reason}) ${GAPS[reason]}`))
    }
  },
  changed: (turn) => {
    showState($('state'), turn.readyState)
    showWait(turn.delay)
    addRow($('turns'), clock(), cell('turn', $('state').textContent), cell('data', describe(turn)))
  }
})

$('try-now').addEventListener('click', () => stream.connect())

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

stream.connect()

function describe ({ kind, failures, delay }) {
  switch (kind) {
    case 'connects': return failures === 0 ? 'The page connects.' : `Attempt ${failures}: a new EventSource.`
    case 'opened': return 'The stream is open.'
    case 'retries': return 'It broke off. The browser tries again by itself.'
    case 'gave up': return `The browser has given up. Attempt ${failures} follows in ${seconds(delay)} s.`
  }
}

function showWait (delay) {
  clearInterval(countdown)
  $('try-now').disabled = delay === undefined
  $('wait').textContent = '–'
  if (delay === undefined) return
  const end = performance.now() + delay
  const tick = () => { $('wait').textContent = `${seconds(Math.max(0, end - performance.now()))} s` }
  countdown = setInterval(tick, 100)
  tick()
}

function seconds (milliseconds) {
  return (milliseconds / 1000).toFixed(1)
}
