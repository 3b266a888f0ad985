import { Charts } from './charts/charts.js'
import { Connection } from './connection/connection.js'
import { curl } from './connection/curl.js'
import { declaredEvents } from './declared/declared-events.js'
import { DelayMeter } from './charts/delay.js'
import { write } from './page/element.js'
import { EventLog } from './events/event-log.js'
import { EventTable } from './events/event-table.js'
import { Schemas } from './declared/schemas.js'
import { Selection } from './events/selection.js'
import { StatusLine } from './connection/status-line.js'
import { read, remark, remember, remembered } from './connection/target.js'
import { TypeChoice } from './events/type-choice.js'
import { visibly } from './page/visible.js'
import { count, counted } from './page/words.js'

// The page itself: connects the form, the stream, the log, the table and the charts.

const at = (id) => /** @type {any} */ (document.getElementById(id))
const form = at('target')

const log = new EventLog()
const selection = new Selection(log)
const meter = new DelayMeter()
const charts = new Charts(at, meter)
const schemas = new Schemas(at('declared'), at('declared-note'), at('declared-count'))
const types = new TypeChoice(at('type'))
const statusLine = new StatusLine(at('status'), at('countdown'))
const connection = new Connection(arrived, changed)
const table = new EventTable(
  { scroller: at('scroller'), rows: at('rows'), earlier: at('earlier'), newest: at('newest') },
  { curl: (id) => curl(connection.target?.url ?? '', id), resumeFrom })

/** @type {import('./declared/schemas.js').Declared[]} */
let declared = []
let hasStream = true
let paused = false
let isDeclarationOld = false
let frame = 0

function arrived ({ type, data, lastEventId }) {
  const now = Date.now()
  charts.add(log.add({ at: now, type, id: lastEventId, data, delay: meter.measure(data, now) }))
  draw()
}

/** Schedules one drawing with the next frame, whatever the number of calls. A hidden page has no frames. */
function draw () {
  if (frame === 0) frame = window.requestAnimationFrame(drawNow)
}

function drawNow () {
  frame = 0
  selection.update()
  table.update(selection.entries)
  types.offer(log.types.keys())
  schemas.showCounts(log.types)
  write(at('total'), count(log.total))
  write(at('gaps'), count(log.gaps))
  at('gaps').toggleAttribute('data-some', log.gaps > 0)
  write(at('last-event-id'), connection.lastEventId === '' ? '–' : visibly(connection.lastEventId, 300))
  write(at('pause'), paused ? `Resume (${count(table.newer)})` : 'Pause')
  write(at('counts'), countsLine())
  write(at('empty'), table.lines > 0 ? '' : emptyLine())
}

function countsLine () {
  if (log.total === 0) return ''
  const forgotten = log.total - log.entries.length
  const kept = forgotten > 0 ? `the newest ${count(log.entries.length)} of ${counted(log.total, 'event')} kept` : counted(log.total, 'event')
  const selected = selection.entries.length
  return selected === log.entries.length ? kept : `${count(selected)} shown of ${kept}`
}

function emptyLine () {
  if (log.entries.length > 0 && selection.entries.length === 0) return 'No event passes the filter.'
  if (connection.target === null) return `${hasStream ? '' : 'This application has no stream route of its own. '}Enter the URL of a stream and connect.`
  if (paused) return 'Paused.'
  return connection.isClosed ? 'No events arrived.' : 'No events yet. They appear here as they arrive.'
}

function changed (status) {
  statusLine.show(status, connection.target?.transport ?? 'fetch')
  const loses = document.activeElement === at('cut') || document.activeElement === at('close')
  at('cut').disabled = at('close').disabled = status.state === 'closed'
  at('renew').disabled = at('from-button').disabled = connection.target === null
  // A disabled button loses the focus to the document. The button beside it opens the stream again.
  if (loses && at('close').disabled) at('renew').focus()
  // After a restart, the server may declare other events.
  if (status.state !== 'open') isDeclarationOld = true
  if (status.state === 'open' && isDeclarationOld) {
    isDeclarationOld = false
    void declare()
  }
  draw()
}

async function declare () {
  const declaration = await declaredEvents()
  if (declaration === null) {
    isDeclarationOld = true
    schemas.fail()
    return null
  }
  if (JSON.stringify(declaration.events ?? []) !== JSON.stringify(declared) || declared.length === 0) schemas.show(declaration.events)
  declared = declaration.events ?? []
  types.offer(declared.map(({ event }) => event))
  connection.listenTo(declared)
  draw()
  return declaration
}

function connectToTarget () {
  const { url, problem } = read(form.url.value)
  const credentials = form.credentials.checked
  const note = problem ?? remark(url, credentials)
  form.url.setAttribute('aria-invalid', String(problem !== null))
  at('target-note').dataset.kind = problem === null ? '' : 'bad'
  at('target-note').hidden = note === ''
  write(at('target-note'), note)
  if (problem !== null) return false
  const transport = form.transport.value
  remember({ url: form.url.value.trim(), transport, credentials })
  connection.open({ url: url.href, transport, credentials }, declared)
  return true
}

function resumeFrom (id) {
  connection.resumeFrom(id, declared)
}

function filter () {
  selection.filter({ type: at('type').value, text: at('text').value, heartbeats: at('heartbeats').checked })
  table.reset(selection.entries)
  draw()
}

function setPaused (value) {
  paused = value
  at('pause').setAttribute('aria-pressed', String(paused))
  if (paused) table.pause(log.lastSeq)
  else table.resume()
  draw()
}

function clear () {
  log.clear()
  charts.clear()
  charts.draw(Date.now())
  selection.reset()
  table.reset(selection.entries)
  draw()
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  if (!connectToTarget()) form.url.focus()
})
for (const choice of [...form.transport, form.credentials]) {
  choice.addEventListener('change', () => { if (connection.target !== null) connectToTarget() })
}
at('cut').addEventListener('click', () => connection.cut())
at('close').addEventListener('click', () => connection.close())
at('renew').addEventListener('click', () => connection.target !== null && connection.open(connection.target, declared))
at('from').addEventListener('submit', (event) => {
  event.preventDefault()
  if (at('from-id').value !== '') resumeFrom(at('from-id').value)
  else at('from-id').focus()
})
at('type').addEventListener('change', filter)
at('heartbeats').addEventListener('change', filter)
at('text').addEventListener('input', filter)
at('pause').addEventListener('click', () => setPaused(!paused))
at('clear').addEventListener('click', clear)
at('time-field').addEventListener('change', () => {
  meter.use(at('time-field').value.trim())
  charts.forgetDelays()
  charts.draw(Date.now())
})
setInterval(() => { if (!document.hidden) charts.draw(Date.now()) }, 500)
document.addEventListener('visibilitychange', () => { if (!document.hidden) charts.draw(Date.now()) })

const start = remembered()
form.url.value = start.url ?? ''
form.transport.value = start.transport
form.credentials.checked = start.credentials
charts.draw(Date.now())
draw()
const declaration = await declare()
hasStream = declaration === null || declaration.stream !== null
// The visitor may already have entered a URL.
if (form.url.value === '') form.url.value = declaration?.stream ?? ''
if (form.url.value === '' || !connectToTarget()) changed({ state: 'closed' })
