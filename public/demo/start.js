import { connect } from '/sse/client.js'
import { addRow, cell, clock } from './parts/event-list.js'
import { setUpNoteForm } from './parts/note-form.js'
import { streamsOrigin } from './parts/origins.js'
import { Sparkline } from './parts/sparkline.js'
import { watch } from './parts/status.js'

const GIB = 1024 ** 3

const $ = (id) => document.querySelector(`#${id}`)
let charts
let newest = 0

setUpNoteForm($('note-form'), $('note-answer'))

const { lastEventId, newest: samples } = await recent()
for (const sample of samples) show(sample)

// The stream starts from the event ID of the samples, so no note between them is missed. Events of the type `machine` are not kept.
const stream = connect(`${streamsOrigin}/events`, { text: ['message'], lastEventId })
stream.on('machine', show)
stream.on('note', ({ author, text }) => {
  $('no-notes').hidden = true
  addRow($('notes'), clock(), cell('author', author), cell('data', text))
})
watch($('state'), stream)

async function recent () {
  try {
    return await (await fetch(`${streamsOrigin}/machine`)).json()
  } catch {
    // The server is down: the stream opens once the server is back.
    return { lastEventId: '', newest: [] }
  }
}

function show ({ at, load, memory, eventLoopDelay }) {
  if (at <= newest) return
  newest = at
  charts ??= {
    load: new Sparkline($('load-line'), load.cpus),
    memory: new Sparkline($('memory-line'), memory.total),
    delay: new Sparkline($('delay-line'), 10)
  }
  charts.load.add(at, load.average)
  charts.memory.add(at, memory.used)
  charts.delay.add(at, eventLoopDelay)
  $('load').textContent = load.average.toFixed(2)
  $('cpus').textContent = `on ${load.cpus} ${load.cpus === 1 ? 'processor' : 'processors'}`
  $('memory').textContent = (memory.used / GIB).toFixed(2)
  $('total').textContent = `of ${(memory.total / GIB).toFixed(1)} GiB`
  $('delay').textContent = eventLoopDelay.toFixed(1)
}
