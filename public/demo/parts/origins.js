const { location } = document
const { streams, pages } = await (await fetch('/config.json')).json()

/** The origin of the event streams. */
export const streamsOrigin = originAt(streams)

/** The second origin, which serves the pages and no streams. */
const pagesOrigin = originAt(pages)

const isOtherOrigin = location.origin !== streamsOrigin

// Links and forms that lead to one of the two origins, and elements that show an origin.
for (const element of document.querySelectorAll('[data-origin]')) {
  const origin = element.dataset.origin === 'streams' ? streamsOrigin : pagesOrigin
  if (element.hasAttribute('href')) element.href = origin + new URL(element.href).pathname
  else if (element.hasAttribute('action')) element.action = origin + new URL(element.action).pathname
  else element.textContent = origin
}

// Texts for only one of two cases: the page has the streams' origin (`same`), or another origin (`other`).
for (const element of document.querySelectorAll('[data-only]')) {
  element.hidden = (element.dataset.only === 'other') !== isOtherOrigin
}

function originAt (port) {
  return `${location.protocol}//${location.hostname}:${port}`
}
