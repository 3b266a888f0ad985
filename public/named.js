import { addRow, cell, clock, Counter } from './parts/event-list.js'
import { streamsOrigin } from './parts/origins.js'
import { watch } from './parts/status.js'

const received = new Counter(document.querySelector('#received'))
const list = document.querySelector('#events')

const source = new window.EventSource(`${streamsOrigin}/events`)
source.addEventListener('test-event', ({ data }) => {
  const { count, subscribers } = JSON.parse(data)
  received.add()
  addRow(list, clock(), cell('count', `#${count}`), cell('data', `${subscribers} ${subscribers === 1 ? 'subscriber' : 'subscribers'}`))
})
watch(document.querySelector('#state'), source)
