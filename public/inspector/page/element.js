/**
 * One element with its attributes and children. Text becomes text nodes, never markup.
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

/** Writes text only where it differs: the same text written again would still be laid out, and announced. */
export function write (node, text) {
  if (node.textContent !== text) node.textContent = text
}

/** A dot in a colour of its event type's own; hollow for the events of the plugin itself. */
export function dot (type) {
  const made = element('span', { class: type.startsWith('sse.') ? 'dot own' : 'dot', 'aria-hidden': 'true' })
  // Without the reds, which would look like errors.
  made.style.setProperty('--hue', String(25 + hash(type) % 310))
  return made
}

/** FNV-1a. */
function hash (text) {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
