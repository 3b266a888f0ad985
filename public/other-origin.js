import { addRow, cell, clock, Counter } from './parts/event-list.js'
import { streamsOrigin } from './parts/origins.js'
import { watch } from './parts/status.js'

const received = new Counter(document.querySelector('#received'))
const list = document.querySelector('#events')

const source = new window.EventSource(`${streamsOrigin}/events`)
source.onmessage = ({ data, origin }) => {
  received.add()
  addRow(list, clock(), cell('data', data), cell('from', `from ${origin}`))
}
watch(document.querySelector('#state'), source)
