/** @typedef {{ stream: string | null, events: import('./schemas.js').Declared[] | null }} Declaration */

/** What the application says of itself; null where the server cannot be reached. @returns {Promise<Declaration | null>} */
export async function declaredEvents () {
  try {
    const response = await fetch('./events.json', { headers: { accept: 'application/json' } })
    return response.ok ? await response.json() : null
  } catch {
    return null
  }
}
