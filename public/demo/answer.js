import { connect } from '/sse/client.js'
import { addRow, cell, clock, Counter } from './parts/event-list.js'
import { streamsOrigin } from './parts/origins.js'

const $ = (id) => document.querySelector(`#${id}`)
const received = new Counter($('received'))
let stream

$('ask').addEventListener('submit', (event) => {
  event.preventDefault()
  // Not `crypto.randomUUID`, which only secure pages have.
  const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
  // The address names the answer, so that a reload and a second window find it.
  window.history.replaceState(null, '', `#${id}`)
  read(id, { method: 'POST', body: { question: $('question').value || $('question').placeholder } })
})
$('cut').addEventListener('click', () => fetch(`${url()}/cut`, { method: 'POST' }))
$('stop').addEventListener('click', () => fetch(url(), { method: 'DELETE' }))
window.addEventListener('hashchange', () => read(name(), {}))
read(name(), {})

async function read (id, options) {
  stream?.close()
  $('answer').textContent = ''
  $('link').hidden = id === ''
  if (id === '') return show({ state: 'no answer yet' })
  $('link').href = `#${id}`
  const own = stream = connect(url(), options)
  own.onStatus((status) => { if (own === stream) show(status) })
  show(own.status)
  try {
    for await (const words of own.events('token')) {
      if (own !== stream) return
      $('answer').append(words)
      received.add()
    }
  } catch {
    // The status says why.
  }
}

function show ({ state, reason, closeReason, httpStatus }) {
  const text = closeReason ?? (httpStatus === 404 ? 'forgotten' : state)
  $('state').textContent = text
  $('state').dataset.state = state
  $('cut').disabled = $('stop').disabled = state !== 'open'
  addRow($('turns'), clock(), cell('turn', text), cell('data', reason === undefined || closeReason !== undefined ? '' : `(${reason})`))
}

function name () {
  return window.location.hash.slice(1)
}

function url () {
  return `${streamsOrigin}/answers/${name()}`
}
