import { EventSourceParserStream } from 'eventsource-parser/stream'

/** An answer, and the requests that it took. */
interface Answer {
  readonly text: string
  readonly requests: number
}

/**
 * Asks a question, and reads the answer to its end. A connection that is cut off goes on where it was, by GET.
 *
 * @param url The URL to which questions are posted.
 */
export async function read (url: string, question: string): Promise<Answer> {
  const headers = new Headers({ accept: 'text/event-stream', 'content-type': 'application/json' })
  let response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ question }) })
  const location = new URL(response.headers.get('content-location')!, url)
  let text = ''
  for (let requests = 1; ; requests++) {
    if (response.status !== 200 || response.body === null) throw new Error(`${response.status} ${await response.text()}`)
    try {
      for await (const { event, data, id } of response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())) {
        if (event === 'token') text += data
        if (event === 'sse.close') {
          const { status } = JSON.parse(data) as { status: string }
          if (status !== 'done') throw new Error(`The answer was ${status}`)
          return { text, requests }
        }
        if (id !== undefined) headers.set('last-event-id', id)
      }
    } catch (error) {
      // A lost connection is a TypeError.
      if (!(error instanceof TypeError)) throw error
    }
    response = await fetch(location, { headers })
  }
}
