const MEANINGS = {
  evicted: 'Events after the last event ID have left the history of the server. They are lost for this reader; the events still kept follow.',
  foreign: 'The last event ID belongs to another history: the server was restarted. Events in between may be lost; all kept events follow.',
  unknown: 'The server does not know the last event ID, or no longer knows it. All kept events follow.',
  future: 'The last event ID is ahead of the history of the server. Nothing is replayed; only new events follow.',
  slow: 'This reader was slower than the stream, and events left the history before they could be sent. The events still kept follow.'
}

/** Describes the meaning of an `sse.gap`. @param {string} data The data of the event. */
export function meaningOfGap (data) {
  const { reason } = parsed(data)
  return `${MEANINGS[Object.hasOwn(MEANINGS, reason) ? reason : 'unknown']} A page should load a snapshot of the state now, and reconnect from the event ID of the snapshot.`
}

function parsed (data) {
  try {
    return JSON.parse(data) ?? {}
  } catch {
    return {}
  }
}
