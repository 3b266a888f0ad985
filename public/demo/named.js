import { connect } from '/sse/client.js'
import { addRow, cell, clock, Counter } from './parts/event-list.js'
import { streamsOrigin } from './parts/origins.js'
import { watch } from './parts/status.js'

const received = new Counter(document.querySelector('#received'))
const passed = new Counter(document.querySelector('#passed'))
const lastPassed = document.querySelector('#last-passed')
const list = document.querySelector('#events')

const stream = connect(`${streamsOrigin}/events`, { text: ['message'] })
stream.on('test-event', ({ count, subscribers }) => {
  received.add()
  addRow(list, clock(), cell('count', `#${count}`), cell('data', `${subscribers} ${subscribers === 1 ? 'subscriber' : 'subscribers'}`))
})
for (const other of ['message', 'machine', 'note']) {
  stream.on(other, () => {
    passed.add()
    lastPassed.textContent = other
  })
}
watch(document.querySelector('#state'), stream)
