// The part of the page that all examples share. The `stream.js` of each example opens its stream.

import { connect, send, signIn, signOut, title } from '/stream.js'

const find = (selector) => document.querySelector(selector)

const page = {
  show (state) { find('#state').textContent = state },
  add ({ from, text }) {
    const item = document.createElement('li')
    // As text: a message of another user must not become markup of this page.
    item.textContent = `${from}: ${text}`
    find('#messages').append(item)
  }
}

function onSubmit (form, act) {
  find(form).addEventListener('submit', async (event) => {
    event.preventDefault()
    const fields = [...new window.FormData(event.target)].filter(([, value]) => value !== '')
    event.target.reset()
    await act(Object.fromEntries(fields))
  })
}

document.title = find('h1').textContent = title
onSubmit('#sign-in', async (body) => {
  await signIn(body)
  await connect(page)
})
onSubmit('#message', send)
find('#sign-out').addEventListener('click', signOut)
await connect(page)
