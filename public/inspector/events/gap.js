const MEANINGS = {
  evicted: 'Events that followed the last event ID have left the history of the server. They are lost to this reader; what is kept comes next.',
  foreign: 'The last event ID belongs to another history: the server was started again. What happened in between is unknown; everything kept comes next.',
  unknown: 'The server does not know the last event ID, or not any more. Everything kept comes next.',
  future: 'The last event ID is ahead of the history of the server. Nothing is replayed; only what is new comes next.',
  slow: 'This reader was slower than the stream, and events left the history before they could be sent to it. What is kept comes next.'
}

/** What an `sse.gap` says, in a sentence. @param {string} data */
export function meaningOfGap (data) {
  const { reason } = parsed(data)
  return `${MEANINGS[Object.hasOwn(MEANINGS, reason) ? reason : 'unknown']} A page shows a snapshot of the state here, and reconnects from its event ID.`
}

function parsed (data) {
  try {
    return JSON.parse(data) ?? {}
  } catch {
    return {}
  }
}
