import { visibly } from './visible.js'

const ANSWERS = {
  204: 'No Content: there is nothing to come back for, as after a stream that ended for good',
  401: 'Unauthorized: sign in first, or tick “Credentials”',
  403: 'Forbidden',
  404: 'Not Found: there is no stream at this URL',
  410: 'Gone'
}

/**
 * A status in words.
 *
 * @param {any} status Of the client.
 * @param {'fetch' | 'eventsource'} transport
 */
export function statusWords (status, transport) {
  switch (status.state) {
    case 'connecting': return 'Asking for the stream.'
    case 'open': return transport === 'fetch' ? 'Reading with fetch: events of every type.' : 'Reading with EventSource: events of the declared types.'
    case 'waiting': return waitingWords(status)
    default: return closedWords(status)
  }
}

function waitingWords ({ retryAt, httpStatus }) {
  if (retryAt === null) return 'No connection. The next try is when this page is seen again.'
  if (httpStatus === undefined) return 'No connection.'
  return httpStatus === 200 ? 'The server answered 200, but not with an event stream.' : `The server answered ${httpStatus}.`
}

function closedWords (status) {
  switch (status.reason) {
    case 'final': return `The server ended the stream for good (${visibly(status.closeReason || 'without a reason', 200)}).`
    case 'gone': return `The server answered ${status.httpStatus} ${ANSWERS[status.httpStatus] ?? ''}.`.replace(' .', '.')
    case 'closed': return 'Closed by you.'
    default: return 'Not connected.'
  }
}
