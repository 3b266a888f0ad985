/** One step of a flow: the file that does it, and what it does there. */
export interface Step {
  readonly file: string
  readonly does: string
}

// The two ways through the house. The drawing checks that the file of each step exists, and that an import leads to it from a step
// before, or to such a step from it, or that plugin.ts wires it.

/** From a call of the application to the sockets. */
export const OUT: readonly Step[] = [
  { file: 'lib/api/sse.ts', does: 'broadcast(event, data)' },
  { file: 'lib/publish/broadcaster.ts', does: 'channels, id, key' },
  { file: 'lib/schema/event-types.ts', does: 'transform, check, projection' },
  { file: 'lib/wire/encode.ts', does: 'payload to lines' },
  { file: 'lib/broker/broker.ts', does: 'its place in the order' },
  { file: 'lib/log/replica.ts', does: 'what the broker places' },
  { file: 'lib/log/channel-index.ts', does: 'append, by channel' },
  { file: 'lib/subscribers/fan-out-pump.ts', does: 'everyone who is behind' },
  { file: 'lib/subscribers/delivery.ts', does: 'entries and sends, in order' },
  { file: 'lib/cursor/cursor.ts', does: 'the next batch' },
  { file: 'lib/response/response-writer.ts', does: 'bytes to the socket' }
]

/** From a request to an open stream. */
export const IN: readonly Step[] = [
  { file: 'lib/routes/stream-route.ts', does: 'after all hooks' },
  { file: 'lib/open/stream-opener.ts', does: 'options; a few at a time' },
  { file: 'lib/open/content-negotiation.ts', does: '406, or a coding' },
  { file: 'lib/open/admission.ts', does: 'a place, or 503' },
  { file: 'lib/open/response-takeover.ts', does: 'after the onSend hooks' },
  { file: 'lib/open/stream-starter.ts', does: 'head, retry, sse.open' },
  { file: 'lib/cursor/placement.ts', does: 'where it starts; gaps' },
  { file: 'lib/subscribers/hub.ts', does: 'counted from here' },
  { file: 'lib/subscribers/subscriber.ts', does: 'live' },
  { file: 'lib/subscribers/ending.ts', does: 'one close reason' }
]
