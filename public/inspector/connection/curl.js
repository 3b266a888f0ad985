/**
 * Writes the curl command that requests the events after an event.
 *
 * @param {string} url An absolute URL.
 * @param {string} lastEventId The ID of that event. `''`: new events only.
 */
export function curl (url, lastEventId) {
  const words = ['curl', '--no-buffer']
  // Otherwise curl treats brackets and braces as patterns.
  if (/[[\]{}]/.test(url)) words.push('--globoff')
  words.push(quoted(url), '-H', quoted('Accept: text/event-stream'))
  if (lastEventId !== '') words.push('-H', quoted(`Last-Event-ID: ${lastEventId}`))
  return words.join(' ')
}

/** Quotes a text as one word for a POSIX shell; a text with control characters, for bash and zsh. */
function quoted (text) {
  // eslint-disable-next-line no-control-regex
  const controls = /[\u0000-\u001f\u007f]/g
  if (!controls.test(text)) return `'${text.replaceAll("'", "'\\''")}'`
  const escaped = text.replace(/[\\']/g, '\\$&').replace(controls, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return `$'${escaped}'`
}
