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
stream.on('test-event', ({ subscribers }) => { document.querySelector('#subscribers').textContent = subscribers })
watch(document.querySelector('#state'), stream)
