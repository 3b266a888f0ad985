import { visibly } from '../page/visible.js'

const ANSWERS = {
  204: 'No Content: do not reconnect, as after a stream that has ended for good',
  401: 'Unauthorized: sign in first, or tick “Credentials”',
  403: 'Forbidden',
  404: 'Not Found: there is no stream at this URL',
  410: 'Gone'
}

const NOTHING_ARRIVED = 'The stream ended before anything arrived: the server may be full.'

/**
 * Describes a status in a sentence.
 *
 * @param {any} status The status of the client's stream.
 * @param {'fetch' | 'eventsource'} transport
 */
export function statusWords (status, transport) {
  switch (status.state) {
    case 'connecting': return status.reason === 'later' ? NOTHING_ARRIVED : 'Requesting the stream.'
    case 'open': return transport === 'fetch' ? 'Reading with fetch: events of every type.' : 'Reading with EventSource: events of the declared types.'
    case 'waiting': return waitingWords(status)
    default: return closedWords(status)
  }
}

function waitingWords ({ reason, retryAt, httpStatus }) {
  if (retryAt === null) return 'No connection. The next attempt starts when this page is shown again.'
  switch (reason) {
    case 'later': return NOTHING_ARRIVED
    case 'silent': return 'The server was silent.'
    case 'refused': return refusalWords(httpStatus)
    default: return 'No connection.'
  }
}

function refusalWords (httpStatus) {
  if (httpStatus === undefined) return 'The server redirects, and the headers are not sent along.'
  return httpStatus === 200 ? 'The server answered 200, but not with an event stream.' : `The server answered ${httpStatus}.`
}

function closedWords (status) {
  switch (status.reason) {
    case 'final': return `The server ended the stream for good (${visibly(status.closeReason || 'without a reason', 200)}).`
    case 'gone': return `The server answered ${status.httpStatus} ${ANSWERS[status.httpStatus] ?? ''}.`.replace(' .', '.')
    case 'closed': return 'Closed by you.'
    case 'unreadable': return 'This browser cannot read streams with fetch.'
    default: return 'Not connected.'
  }
}
