import { post } from '/post.js'

const { EventSource } = window
const find = (selector) => document.querySelector(selector)
const show = (id, value) => { find(id).textContent = value }

let serving
let ready = []
let number
let reconnections = -1
let gaps = 0

function showNodes () {
  for (const item of document.querySelectorAll('[data-node]')) {
    const { node } = item.dataset
    item.className = node === serving ? 'serving' : ready.includes(node) ? 'ready' : 'away'
    item.querySelector('span').textContent = { serving: 'serves this page', ready: 'ready', away: 'away' }[item.className]
  }
  find('#kill').disabled = serving === undefined
}

// The browser comes back by itself, with the ID of the last event, and nginx chooses another node.
const source = new EventSource('/events')

// Not `onopen`: while no node is there, nginx itself answers, with a stream that ends immediately.
source.addEventListener('sse.open', () => show('#reconnections', ++reconnections))

source.onerror = () => {
  ready = ready.filter((node) => node !== serving)
  serving = undefined
  show('#state', source.readyState === EventSource.CLOSED ? 'closed' : 'coming back')
  showNodes()
}

source.addEventListener('node', ({ data }) => {
  serving = JSON.parse(data).name
  show('#state', `served by node ${serving}`)
  showNodes()
})

source.addEventListener('count', ({ data }) => {
  const next = JSON.parse(data).number
  if (number !== undefined && next !== number + 1) show('#gaps', ++gaps)
  number = next
  show('#number', number)
})

source.addEventListener('sse.gap', () => show('#gaps', ++gaps))

source.addEventListener('cluster', ({ data }) => {
  const state = JSON.parse(data)
  ready = state.ready
  show('#streams', state.streams)
  showNodes()
})

find('#kill').addEventListener('click', () => {
  find('#kill').disabled = true
  // The request may reach any node, so its body names the node to kill.
  post('/kill', { node: serving })
})

showNodes()
