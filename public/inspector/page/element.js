// The creation of elements, and changes to their text.

/**
 * Makes an element with its attributes and children. Text becomes text nodes, never markup.
 *
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
export function element (name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value)
  made.append(...children)
  return made
}

/** Writes a text if it differs from the current one: writing an equal text again would repeat its layout and its announcement. */
export function write (node, text) {
  if (node.textContent !== text) node.textContent = text
}

/** Makes a dot in the colour of an event type. The dots of the plugin's own events are hollow. */
export function dot (type) {
  const made = element('span', { class: type.startsWith('sse.') ? 'dot own' : 'dot', 'aria-hidden': 'true' })
  // No red hues, which would look like errors.
  made.style.setProperty('--hue', String(25 + hash(type) % 310))
  return made
}

/** Hashes a text by FNV-1a. */
function hash (text) {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
