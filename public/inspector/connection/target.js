/** @typedef {{ url: string, transport: 'fetch' | 'eventsource', credentials: boolean }} Target */

/**
 * The absolute URL that was meant, or why there is none.
 *
 * @param {string} text
 * @returns {{ url: URL, problem: null } | { url: null, problem: string }}
 */
export function read (text) {
  const trimmed = text.trim()
  if (trimmed === '') return refused('Enter the URL of a stream: a path of this server, or a whole URL.')
  if (!/^(\/|https?:\/\/)/i.test(trimmed)) return refused('A stream has a path that starts with “/”, or a whole URL with http:// or https://.')
  let url
  try {
    url = new URL(trimmed, window.location.origin)
  } catch {
    return refused('This is not a valid URL.')
  }
  if (url.username !== '' || url.password !== '') return refused('A browser does not ask for a URL with a user name or password in it.')
  if (window.location.protocol === 'https:' && url.protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)) {
    return refused('A page of https: may not read a stream of http:.')
  }
  return { url, problem: null }
}

const refused = (problem) => ({ url: null, problem })

/** What there is to know about a URL before it was asked for; `''`: nothing. @param {URL} url @param {boolean} credentials */
export function remark (url, credentials) {
  if (url.origin === window.location.origin) return ''
  return credentials
    ? `Another origin: its server has to name ${window.location.origin} as allowed, and to allow credentials (CORS). Otherwise the stream never opens.`
    : 'Another origin: its server has to let this page read it (CORS). Otherwise the stream never opens.'
}

/** What the page's own URL says. @returns {Partial<Target>} */
export function remembered () {
  const query = new URLSearchParams(window.location.search)
  return {
    ...(query.get('url') ? { url: query.get('url') ?? '' } : {}),
    transport: query.get('transport') === 'eventsource' ? 'eventsource' : 'fetch',
    credentials: query.has('credentials')
  }
}

/** Writes it into the page's own URL: loaded anew, or sent to somebody, the page shows the same stream. @param {Target} target */
export function remember ({ url, transport, credentials }) {
  const query = new URLSearchParams({ url })
  if (transport === 'eventsource') query.set('transport', transport)
  if (credentials) query.set('credentials', '')
  window.history.replaceState(null, '', `?${query}`)
}
