// Checked by the compiler only. A missing expected error is an error.

import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import * as NextType from 'typebox'
import { defineEvents, type AnyEvents, type EncodedEventsOf, type EventsOf, type RegisteredEvents, type Sse } from '../../plugin.ts'
import { openStream } from '../../testing/index.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
/** Compiles only if a value has exactly the type `T`. */
declare function isExactly<T> (): <V>(value: V, ...different: Same<T, V> extends true ? [] : [never]) => void
declare function keyOf<T> (value: T): keyof T
declare const app: FastifyInstance

const At = Type.Transform(Type.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())
const NextAt = NextType.Codec(NextType.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())

const events = defineEvents({
  message: Type.String(),
  'order.updated': Type.Object({ id: Type.String(), total: Type.Number(), note: Type.Optional(Type.String()) }),
  'order.dated': Type.Object({ at: At }),
  'cursor.moved': {
    schema: Type.Object({ who: Type.String(), x: Type.Number() }),
    latestBy: (cursor) => {
      isExactly<{ who: string, x: number }>()(cursor)
      return cursor.who
    }
  },
  'cursor.dated': {
    schema: At,
    // `latestBy` receives the decoded payload, as in a broadcast.
    latestBy: (at) => at.getTime()
  },
  'next.updated': NextType.Object({ id: NextType.String(), colour: NextType.Union([NextType.Literal('red'), NextType.Null()]) }),
  'next.dated': { schema: NextType.Object({ at: NextAt }), latestBy: ({ at }) => at.getTime() },
  'next.plain': NextType.Unsafe<'a' | 'b'>({ enum: ['a', 'b'] })
})

export function broadcastPayloadsAreDecoded (decoded: EventsOf<typeof events>): void {
  isExactly<'message' | 'order.updated' | 'order.dated' | 'cursor.moved' | 'cursor.dated' | 'next.updated' | 'next.dated' | 'next.plain'>()(keyOf(decoded))
  isExactly<string>()(decoded.message)
  isExactly<{ id: string, total: number, note?: string }>()(decoded['order.updated'])
  isExactly<{ at: Date }>()(decoded['order.dated'])
  isExactly<{ who: string, x: number }>()(decoded['cursor.moved'])
  isExactly<Date>()(decoded['cursor.dated'])
  isExactly<{ id: string, colour: 'red' | null }>()(decoded['next.updated'])
  isExactly<{ at: Date }>()(decoded['next.dated'])
  isExactly<'a' | 'b'>()(decoded['next.plain'])
}

export function readersReceiveEncodedPayloads (encoded: EncodedEventsOf<typeof events>): void {
  isExactly<string>()(encoded.message)
  isExactly<{ id: string, total: number, note?: string }>()(encoded['order.updated'])
  isExactly<{ at: string }>()(encoded['order.dated'])
  isExactly<{ who: string, x: number }>()(encoded['cursor.moved'])
  isExactly<string>()(encoded['cursor.dated'])
  isExactly<{ id: string, colour: 'red' | null }>()(encoded['next.updated'])
  isExactly<{ at: string }>()(encoded['next.dated'])
  isExactly<'a' | 'b'>()(encoded['next.plain'])
}

export function onlySchemasCanBeDeclared (): void {
  // @ts-expect-error a string is not a schema
  defineEvents({ a: 'string' })
  // @ts-expect-error plain JSON Schema is not a TypeBox schema
  defineEvents({ a: { type: 'string' } })
  // @ts-expect-error a key is a string or a number
  defineEvents({ a: { schema: Type.String(), latestBy: () => ({}) } })
  // @ts-expect-error the payload has no such property
  defineEvents({ a: { schema: Type.Object({ who: Type.String() }), latestBy: (payload) => payload.whom } })
}

export function broadcastTakesDeclaredEvents (sse: Sse<EventsOf<typeof events>>): void {
  void sse.broadcast('message', 'text')
  void sse.broadcast('order.updated', { id: 'o-1', total: 9.5 })
  void sse.broadcast('order.updated', { id: 'o-1', total: 9.5, note: 'express' })
  void sse.broadcast('next.updated', { id: 'o-1', colour: null })
  void sse.broadcast('next.plain', 'a')
  void sse.broadcast('message', 'text').then(({ id }) => isExactly<string | null>()(id))

  // A row with further properties is accepted; only declared properties are sent.
  const row = { id: 'o-1', total: 9.5, customer: 'Ada' }
  void sse.broadcast('order.updated', row)

  // @ts-expect-error there is no such event
  void sse.broadcast('order.deleted', { id: 'o-1' })
  // @ts-expect-error the event has a payload
  void sse.broadcast('message')
  // @ts-expect-error the payload is text
  void sse.broadcast('message', 1)
  // @ts-expect-error "total" is missing
  void sse.broadcast('order.updated', { id: 'o-1' })
  // @ts-expect-error "total" is a number
  void sse.broadcast('order.updated', { id: 'o-1', total: '9.5' })
  // @ts-expect-error a literal has an undeclared property
  void sse.broadcast('order.updated', { id: 'o-1', total: 9.5, customer: 'Ada' })
  // @ts-expect-error the colour is red or null
  void sse.broadcast('next.updated', { id: 'o-1', colour: 'green' })
  // @ts-expect-error only a and b
  void sse.broadcast('next.plain', 'c')
  // @ts-expect-error a channel is a name
  void sse.broadcast('message', 'text', { channels: 7 })
  // @ts-expect-error an unknown option
  void sse.broadcast('message', 'text', { channel: 'a' })
}

export function broadcastTakesDecodedPayloads (sse: Sse<EventsOf<typeof events>>): void {
  void sse.broadcast('order.dated', { at: new Date() })
  void sse.broadcast('cursor.dated', new Date())
  void sse.broadcast('next.dated', { at: new Date() })
  // @ts-expect-error "at" is a Date on the server
  void sse.broadcast('order.dated', { at: '1970-01-01T00:00:00Z' })
  // @ts-expect-error the payload is a Date on the server
  void sse.broadcast('cursor.dated', '1970-01-01T00:00:00Z')
  // @ts-expect-error "at" is a Date on the server, in typebox 1.x
  void sse.broadcast('next.dated', { at: '1970-01-01T00:00:00Z' })
}

export function anyEventIsAllowedWithoutAugmentation (registered: RegisteredEvents): void {
  isExactly<AnyEvents>()(registered)
  void app.sse.broadcast('anything', { at: 'all' })
  void app.sse.broadcast('message', 1)
  // @ts-expect-error an event type is a string
  void app.sse.broadcast(1, 1)
  // @ts-expect-error an event has a payload, if only null
  void app.sse.broadcast('anything')
}

export function ofReturnsTheHubOfADeclaration (): void {
  const sse = app.sse.of(events)
  void sse.broadcast('order.updated', { id: 'o-1', total: 9.5 })
  // @ts-expect-error there is no such event
  void sse.broadcast('order.deleted', {})
  // @ts-expect-error "id" is missing
  void sse.broadcast('order.updated', { total: 1 })
  // A part of the declaration suffices.
  const { message } = events
  void app.sse.of({ message }).broadcast('message', 'text')
  // @ts-expect-error the part does not declare the event
  void app.sse.of({ message }).broadcast('order.updated', { id: 'o-1', total: 9.5 })
  // @ts-expect-error a string is not a schema
  app.sse.of({ a: 'string' })
}

export async function anOpenedStreamGivesEncodedPayloads (): Promise<void> {
  const stream = await openStream(app, '/events', { events })
  const { event, data, id } = await stream.next('order.dated')
  isExactly<'order.dated'>()(event)
  isExactly<{ at: string }>()(data)
  isExactly<string>()(id)
  const text: string = (await stream.next('cursor.dated')).data
  const nextText: string = (await stream.next('next.dated')).data.at
  const gap = (await stream.next('sse.gap')).data.reason
  const any = await stream.next()
  if (any.event === 'order.updated') isExactly<number>()(any.data.total)
  for await (const received of stream) {
    if (received.event === 'next.plain') isExactly<'a' | 'b'>()(received.data)
  }
  // @ts-expect-error there is no such event
  await stream.next('order.deleted')
  // @ts-expect-error a reader receives text, not a Date
  const date: Date = (await stream.next('cursor.dated')).data
  void [text, nextText, gap, date]
}

export async function anOpenedStreamOfUndeclaredEventsGivesUnknownPayloads (): Promise<void> {
  const stream = await openStream(app, '/events')
  const { data } = await stream.next('anything')
  isExactly<unknown>()(data)
}

export const dates = defineEvents({ dated: Type.Object({ at: Type.Date(), list: Type.Array(Type.Date()), name: Type.String() }) })

export function jsonTurnsDatesIntoText (published: EventsOf<typeof dates>, encoded: EncodedEventsOf<typeof dates>): void {
  isExactly<{ at: Date, list: Date[], name: string }>()(published.dated)
  isExactly<{ at: string, list: string[], name: string }>()(encoded.dated)
  // @ts-expect-error a reader receives text
  encoded.dated.at.getTime()
}
