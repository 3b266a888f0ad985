import { connect } from '/sse/client.js'

const [start, stop, progress, status, lines] = ['start', 'stop', 'progress', 'status', 'lines'].map((id) => document.getElementById(id))

start.addEventListener('click', async () => {
  const { id } = await (await fetch('/jobs', { method: 'POST' })).json()
  // The job is in the URL, so that a reload, a bookmark and another window find it.
  window.location.hash = id
})
stop.addEventListener('click', () => fetch(`/jobs/${window.location.hash.slice(1)}`, { method: 'DELETE' }))

let stream
window.addEventListener('hashchange', show)
show()

function show () {
  stream?.close()
  const id = window.location.hash.slice(1)
  progress.value = 0
  lines.textContent = ''
  stop.disabled = id === ''
  if (id === '') return
  stream = connect(`/jobs/${id}`)
  stream.on('progress', ({ percent }) => { progress.value = percent })
  stream.on('line', (text) => lines.append(`${text}\n`))
  stream.onStatus(({ state, closeReason, httpStatus }) => {
    status.value = closeReason ?? (httpStatus === 404 ? 'unknown job' : state)
    stop.disabled = state === 'closed'
  })
}
