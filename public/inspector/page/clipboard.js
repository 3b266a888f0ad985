/** Copies a text and says on the button how it went, for a moment. @param {HTMLButtonElement} button @param {string} text */
export async function copy (button, text) {
  const label = button.dataset.label ?? button.textContent ?? ''
  button.dataset.label = label
  const done = await write(text, button)
  button.textContent = done ? 'Copied' : 'Not allowed to copy'
  setTimeout(() => { button.textContent = label }, 1500)
}

async function write (text, button) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return writeBySelection(text, button)
  }
}

/** Pages of plain HTTP, other than on localhost, have no `navigator.clipboard`. */
function writeBySelection (text, button) {
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'unseen'
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  button.focus({ preventScroll: true })
  return done
}
