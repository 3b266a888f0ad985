/**
 * The command that asks for what came after an event.
 *
 * @param {string} url Absolute.
 * @param {string} lastEventId `''`: there is none to go on from.
 */
export function curl (url, lastEventId) {
  const words = ['curl', '--no-buffer']
  // Without it curl takes brackets and braces for patterns.
  if (/[[\]{}]/.test(url)) words.push('--globoff')
  words.push(quoted(url), '-H', quoted('Accept: text/event-stream'))
  if (lastEventId !== '') words.push('-H', quoted(`Last-Event-ID: ${lastEventId}`))
  return words.join(' ')
}

/** One word for a POSIX shell; with control characters, for bash and zsh. */
function quoted (text) {
  // eslint-disable-next-line no-control-regex
  const controls = /[\u0000-\u001f\u007f]/g
  if (!controls.test(text)) return `'${text.replaceAll("'", "'\\''")}'`
  const escaped = text.replace(/[\\']/g, '\\$&').replace(controls, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return `$'${escaped}'`
}
