/** Copies a text, and shows the result on the button for a moment. @param {HTMLButtonElement} button @param {string} text */
export async function copy (button, text) {
  const label = button.dataset.label ?? button.textContent ?? ''
  button.dataset.label = label
  const done = await write(text, button)
  button.textContent = done ? 'Copied' : 'Copying is not allowed'
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

/** Copies a text without `navigator.clipboard`, which insecure pages lack. */
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
