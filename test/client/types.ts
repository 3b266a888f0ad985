// Checked by the compiler only, here with the DOM and by test/types without it. A missing expected error is an error.

import { Type } from '@sinclair/typebox'
import * as Next from 'typebox'
import {
  connect, type Backoff, type ConnectOptions, type EventName, type EventStream, type Gap, type Payloads, type Reason, type Status, type TextEvent
} from '../../client/index.ts'
import { defineEvents } from '../../plugin.ts'
import { JSON_TEXT, TEXT } from './stream/text-events.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
/** Compiles only if a value has exactly the type `T`. */
declare function isExactly<T> (): <V>(value: V, ...different: Same<T, V> extends true ? [] : [never]) => void
declare function textOf<D> (declarations: D): TextEvent<D>

const At = Type.Transform(Type.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())
const NextAt = Next.Codec(Next.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())

const events = defineEvents({
  message: Type.String(),
  note: { schema: Type.Union([Type.Literal('a'), Type.Literal('b')]), ephemeral: true },
  'order.updated': Type.Object({ id: Type.String(), total: Type.Number(), note: Type.Optional(Type.String()) }),
  'order.dated': { schema: Type.Object({ at: At, day: Type.Date() }), latestBy: ({ at }) => at.getTime() },
  cursor: At,
  'next.text': Next.String(),
  'next.dated': Next.Object({ at: NextAt })
})
export const noText = defineEvents({ 'order.updated': Type.Object({ id: Type.String() }), cursor: At })
export const onlyText = defineEvents({ message: Type.String() })

const text = ['message', 'note', 'next.text'] as const

export function textEventsAreTheEventsThatTheServerSendsAsText (): void {
  isExactly<keyof typeof TEXT>()(textOf({ ...TEXT, ...JSON_TEXT }))
  isExactly<keyof typeof TEXT>()(textOf(TEXT))
  isExactly<never>()(textOf(JSON_TEXT))
  isExactly<'message' | 'note' | 'next.text'>()(textOf(events))
}

export function theOptionTextMayBeAbsent (): void {
  connect<typeof events>('/events')
  connect<typeof events>('/events', {})
  connect<typeof events>('/events', { share: true })
  connect<typeof events>('/events', { share: 'user:7' })
  connect<typeof onlyText>(new URL('http://localhost/events'), undefined)
}

export function theOptionTextTakesOnlyTextEvents (): void {
  connect<typeof events>('/events', { text: ['message', 'note', 'next.text'] })
  connect<typeof events>('/events', { text: ['message'] })
  connect<typeof events>('/events', { text: [] })
  connect<typeof events>('/events', { text: undefined })
  connect<typeof events>('/events', { text: text as ReadonlyArray<'message' | 'note' | 'next.text'> })
  connect<typeof noText>('/events', { text: [] })
  // @ts-expect-error "order.updated" is JSON
  connect<typeof events>('/events', { text: ['message', 'order.updated'] })
  // @ts-expect-error "cursor" is JSON because of its transform
  connect<typeof events>('/events', { text: ['message', 'cursor'] })
  // @ts-expect-error "next.txt" is not declared
  connect<typeof events>('/events', { text: ['next.txt'] })
  // @ts-expect-error the payload of "order.updated" is JSON
  connect<typeof noText>('/events', { text: ['order.updated'] })
  // @ts-expect-error "text" is a list
  connect<typeof onlyText>('/events', { text: 'message' })
}

export function onlyDeclaredEventsCanBeListenedTo (): void {
  const stream = connect<typeof events>('/events')
  isExactly<EventStream<typeof events>>()(stream)
  // @ts-expect-error there is no such event
  stream.on('order.deleted', () => {})
  // @ts-expect-error there is no such event
  stream.events('order.deleted')
  // @ts-expect-error the plugin has no such event
  stream.on('sse.final', () => {})
  // @ts-expect-error an event type is a string
  stream.on(1, () => {})
  // @ts-expect-error the payload has another type
  stream.on('order.updated', (order: { id: number }) => order)
}

export async function payloadsHaveTheirEncodedTypes (): Promise<void> {
  const stream = connect<typeof events>('/events')
  const off = stream.on('order.updated', (order, info) => {
    isExactly<{ id: string, total: number, note?: string }>()(order)
    isExactly<'order.updated'>()(info.event)
    isExactly<string>()(info.id)
    // @ts-expect-error "id" is readonly
    info.id = ''
  })
  isExactly<() => void>()(off)
  stream.on('note', (note, { event }) => {
    isExactly<'a' | 'b'>()(note)
    isExactly<'note'>()(event)
  })
  stream.on('order.dated', (order) => isExactly<{ at: string, day: string }>()(order))
  stream.on('cursor', (at) => isExactly<string>()(at))
  stream.on('next.dated', (order) => isExactly<{ at: string }>()(order))
  for await (const message of stream.events('message')) isExactly<string>()(message)
  for await (const order of stream.events('order.updated')) {
    isExactly<number>()(order.total)
    // @ts-expect-error "price" is not declared
    void order.price
  }
}

export function eventsOfThePluginAreTyped (): void {
  const stream = connect<typeof noText>('/events')
  stream.on('sse.gap', (gap, { event }) => {
    isExactly<Gap>()(gap)
    isExactly<'evicted' | 'foreign' | 'unknown' | 'future' | 'slow'>()(gap.reason)
    isExactly<'sse.gap'>()(event)
  })
  stream.on('sse.open', ({ heartbeatInterval }) => isExactly<number | false>()(heartbeatInterval))
  stream.on('sse.close', ({ reason }) => isExactly<string>()(reason as string))
  stream.on('sse.error', () => {})
  stream.on('sse.heartbeat', () => {})
  // @ts-expect-error no such reason
  stream.on('sse.gap', ({ reason }) => reason === 'lost')
}

export function aStreamWithoutDeclarationHearsAnyEvent (): void {
  const stream = connect('/events')
  stream.on('anything', (payload, { event }) => {
    isExactly<unknown>()(payload)
    isExactly<'anything'>()(event)
  })
  stream.on('sse.gap', ({ reason }) => isExactly<Gap['reason']>()(reason))
  connect('/events', { text: ['message', 'whatever'], lastEventId: '1' })
  // @ts-expect-error "text" is a list
  connect('/events', { text: 'message' })
  // @ts-expect-error there is no such option
  connect('/events', { retry: 1 })
}

export function theOtherOptionsAreTyped (): void {
  connect('/events', { headers: { authorization: 'x' } })
  connect('/events', { headers: () => ({ authorization: 'x' }) })
  connect('/events', { headers: async () => ({ authorization: 'x' }) })
  connect('/events', { backoff: { base: 1 }, connectTimeout: Infinity, withCredentials: true })
  connect('/events', {
    validate: (event, payload) => {
      isExactly<string>()(event)
      isExactly<unknown>()(payload)
      return true
    },
    onError: (error) => isExactly<unknown>()(error),
    observe: ({ type, data, lastEventId }) => isExactly<string>()(type + data + lastEventId)
  })
  const options: ConnectOptions<typeof onlyText> = { text: ['message'] }
  const backoff: Backoff = { base: 1, cap: 2 }
  connect<typeof onlyText>('/events', { ...options, backoff })
  // @ts-expect-error the value of a header is text
  connect('/events', { headers: { age: 1 } })
  // @ts-expect-error "validate" is synchronous
  connect('/events', { validate: async () => true })
  // @ts-expect-error a backoff has no such bound
  connect('/events', { backoff: { max: 1 } })
}

export async function aStateNarrowsTheFieldsOfAStatus (stream: EventStream): Promise<void> {
  const { status } = stream
  isExactly<Status>()(status)
  stream.onStatus((status) => isExactly<Status>()(status))
  stream.onStatus(({ state, reason, retryAt, httpStatus, closeReason }) => {
    isExactly<Status['state']>()(state)
    isExactly<Reason | 'closed' | 'unreadable' | 'final' | 'gone' | undefined>()(reason)
    isExactly<number | null | undefined>()(retryAt)
    isExactly<number | undefined>()(httpStatus)
    isExactly<string | undefined>()(closeReason)
  })
  for await (const status of stream.statuses()) {
    switch (status.state) {
      case 'waiting':
        isExactly<number | null>()(status.retryAt)
        isExactly<Reason>()(status.reason)
        break
      case 'closed':
        if (status.reason === 'final') isExactly<string>()(status.closeReason)
        else if (status.reason === 'gone') isExactly<number>()(status.httpStatus)
        else isExactly<'closed' | 'unreadable' | 'lost'>()(status.reason)
        break
      default: isExactly<'connecting' | 'open'>()(status.state)
    }
  }
  // @ts-expect-error "status" is readonly
  stream.status = { state: 'open' }
}

export function eventsAndPayloadsHaveNames (name: EventName<typeof events>, payloads: Payloads<typeof events>): void {
  isExactly<string>()(payloads.message)
  isExactly<keyof typeof events | 'sse.open' | 'sse.gap' | 'sse.close' | 'sse.error' | 'sse.heartbeat'>()(name)
}

export const fewer = defineEvents({ order: Type.Object({ id: Type.String(), total: Type.Number() }) })
export const more = defineEvents({ order: Type.Object({ id: Type.String(), total: Type.Number() }), note: Type.String() })
export const looser = defineEvents({ order: Type.Object({ id: Type.String() }) })

export function aStreamIsAssignableToOneOfFewerEvents (
  ofFewer: EventStream<typeof fewer>, ofMore: EventStream<typeof more>, ofLooser: EventStream<typeof looser>, ofAny: EventStream
): void {
  const read: EventStream<typeof fewer> = ofMore
  const less: EventStream<typeof looser> = ofFewer
  const untyped: EventStream = ofMore
  // @ts-expect-error there is no "note"
  const missing: EventStream<typeof more> = ofFewer
  // @ts-expect-error the payload lacks "total"
  const total: EventStream<typeof fewer> = ofLooser
  // @ts-expect-error the payloads are unknown
  const typed: EventStream<typeof fewer> = ofAny
  void [read, less, untyped, missing, total, typed]
}

export async function answersAreTyped (): Promise<void> {
  const stream = connect<typeof events>(async () => new URL('http://localhost'), { method: 'POST', body: { question: 'why' } })
  for await (const { total } of stream.events('order.updated')) isExactly<number>()(total)
  connect('/', { method: 'POST', body: new URLSearchParams('a=1') })
  // @ts-expect-error GET or POST
  connect('/', { method: 'PUT' })
  // @ts-expect-error a URL is text or a URL
  connect(() => 1)
  // @ts-expect-error a body is text or an object
  connect('/', { method: 'POST', body: 1 })
}
