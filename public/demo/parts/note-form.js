import { cell } from './event-list.js'
import { streamsOrigin } from './origins.js'

/** Posts the fields of a form as JSON, and shows the response of the server. */
export function setUpNoteForm (form, answer) {
  form.addEventListener('submit', async (submission) => {
    submission.preventDefault()
    const button = form.querySelector('button')
    button.disabled = true
    try {
      const response = await fetch(`${streamsOrigin}/notes`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(Object.fromEntries(new FormData(form)))
      })
      const result = await response.json()
      if (response.ok) accepted(form, answer, result)
      else refused(form, answer, response.status, result)
    } catch {
      show(answer, 'bad', 'The server does not respond.')
    } finally {
      button.disabled = false
    }
  })
}

function accepted (form, answer, { id }) {
  markFields(form, [])
  form.elements.text.value = ''
  form.elements.text.focus()
  show(answer, 'good', `201: sent to every page, with the event ID ${id}`)
}

function refused (form, answer, status, { message, failures = [] }) {
  markFields(form, failures)
  if (failures.length === 0) return show(answer, 'bad', `${status}: ${message}`)
  const list = document.createElement('ul')
  for (const { path, rule, value } of failures) {
    const row = document.createElement('li')
    row.append(cell('path', path === '' ? '/' : path), ` ${rule}; it is `, cell('value', JSON.stringify(value)))
    list.append(row)
  }
  show(answer, 'bad', `${status}: the note does not fit its schema`, list)
}

function markFields (form, failures) {
  for (const field of form.querySelectorAll('input, textarea')) {
    field.setAttribute('aria-invalid', String(failures.some(({ path }) => path === `/${field.name}`)))
  }
}

function show (answer, verdict, ...content) {
  answer.dataset.verdict = verdict
  answer.replaceChildren(...content)
}
