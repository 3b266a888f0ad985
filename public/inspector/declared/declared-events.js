/** @typedef {{ stream: string | null, events: import('./schemas.js').Declared[] | null }} Declaration */

/** Requests the declared events and the stream's path. @returns {Promise<Declaration | null>} Null if the server cannot be reached. */
export async function declaredEvents () {
  try {
    const response = await fetch('./events.json', { headers: { accept: 'application/json' } })
    return response.ok ? await response.json() : null
  } catch {
    return null
  }
}
