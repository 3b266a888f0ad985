import { connect } from '/sse/client.js'
import { addRow, cell, clock, Counter } from './parts/event-list.js'
import { streamsOrigin } from './parts/origins.js'
import { watch } from './parts/status.js'

const received = new Counter(document.querySelector('#received'))
const list = document.querySelector('#events')

const stream = connect(`${streamsOrigin}/events`, { text: ['message'] })
stream.on('message', (text) => {
  received.add()
  addRow(list, clock(), cell('data', text))
})
watch(document.querySelector('#state'), stream)

document.querySelector('#page-origin').textContent = document.location.origin
document.querySelector('#events-origin').textContent = new URL(stream.url).origin
