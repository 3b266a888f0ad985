// The target of a connection: its URL, its transport and its credentials, from the form and from the page's own URL.

/** @typedef {{ url: string, transport: 'fetch' | 'eventsource', credentials: boolean }} Target */

/**
 * Reads the URL that was entered, relative to this server.
 *
 * @param {string} text
 * @returns {{ url: URL, problem: null } | { url: null, problem: string }}
 */
export function read (text) {
  const trimmed = text.trim()
  if (trimmed === '') return refused('Enter the URL of a stream: a path on this server, or an absolute URL.')
  if (!/^(\/|https?:\/\/)/i.test(trimmed)) return refused('Enter a path that starts with “/”, or an absolute URL that starts with http:// or https://.')
  let url
  try {
    url = new URL(trimmed, window.location.origin)
  } catch {
    return refused('This is not a valid URL.')
  }
  if (url.username !== '' || url.password !== '') return refused('Browsers do not request a URL that contains a user name or a password.')
  if (window.location.protocol === 'https:' && url.protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)) {
    return refused('A page on https: cannot read a stream on http:.')
  }
  return { url, problem: null }
}

const refused = (problem) => ({ url: null, problem })

/** Returns a remark on a URL before it is requested; `''`: none. @param {URL} url @param {boolean} credentials */
export function remark (url, credentials) {
  if (url.origin === window.location.origin) return ''
  return credentials
    ? `Another origin: its server must allow the origin ${window.location.origin} by name, and credentials (CORS). Otherwise the stream never opens.`
    : 'Another origin: its server must allow this page to read the stream (CORS). Otherwise the stream never opens.'
}

/** Reads the target from the page's own URL. @returns {Partial<Target>} */
export function remembered () {
  const query = new URLSearchParams(window.location.search)
  return {
    ...(query.get('url') ? { url: query.get('url') ?? '' } : {}),
    transport: query.get('transport') === 'eventsource' ? 'eventsource' : 'fetch',
    credentials: query.has('credentials')
  }
}

/** Writes the target into the page's own URL, so that a reload or a link opens the same stream. @param {Target} target */
export function remember ({ url, transport, credentials }) {
  const query = new URLSearchParams({ url })
  if (transport === 'eventsource') query.set('transport', transport)
  if (credentials) query.set('credentials', '')
  window.history.replaceState(null, '', `?${query}`)
}
