/** Sends a POST request with a JSON body, or without a body. */
export function post (url, body, headers = {}) {
  if (body === undefined) return window.fetch(url, { method: 'POST', headers })
  return window.fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
}
