const { location } = document
const { streams, pages } = await (await fetch('/config.json')).json()

/** Where the event streams are. */
export const streamsOrigin = originAt(streams)

/** Where the pages are that come from another origin than the streams. */
const pagesOrigin = originAt(pages)

const isOtherOrigin = location.origin !== streamsOrigin

// Links and forms that lead to a certain one of the two origins, and places that show one.
for (const element of document.querySelectorAll('[data-origin]')) {
  const origin = element.dataset.origin === 'streams' ? streamsOrigin : pagesOrigin
  if (element.hasAttribute('href')) element.href = origin + new URL(element.href).pathname
  else if (element.hasAttribute('action')) element.action = origin + new URL(element.action).pathname
  else element.textContent = origin
}

// Advice for readers of a page that came from the one or the other.
for (const element of document.querySelectorAll('[data-only]')) {
  element.hidden = (element.dataset.only === 'other') !== isOtherOrigin
}

function originAt (port) {
  return `${location.protocol}//${location.hostname}:${port}`
}
