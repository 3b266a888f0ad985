// Checked by the compiler only. A missing expected error is an error.

import { Readable } from 'node:stream'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import ssePlugin, { defineEvents, EVERYBODY, type Channel, type CloseReason, type EventsOf, type Source, type Sse, type Subscriber } from '../../plugin.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
/** Compiles only if a value has exactly the type `T`. */
declare function isExactly<T> (): <V>(value: V, ...different: Same<T, V> extends true ? [] : [never]) => void
declare const app: FastifyInstance
declare const reply: FastifyReply

const At = Type.Transform(Type.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())

const events = defineEvents({
  message: Type.String(),
  'order.updated': Type.Object({ id: Type.String(), total: Type.Number() }),
  'order.dated': Type.Object({ at: At }),
  'cursor.moved': {
    schema: Type.Object({ who: Type.String(), x: Type.Number() }),
    ephemeral: true,
    latestBy: (cursor) => {
      isExactly<{ who: string, x: number }>()(cursor)
      return cursor.who
    }
  },
  'typing.started': { schema: Type.Object({ who: Type.String() }), ephemeral: true },
  'price.changed': { schema: Type.Object({ article: Type.Integer(), at: At }), latestBy: ({ article, at }) => at.getTime() + article }
})

type Ours = EventsOf<typeof events>
declare const sse: Sse<Ours>
declare const subscriber: Subscriber<Ours>

export function declarationsAreTyped (payloads: Ours): void {
  isExactly<{ who: string, x: number }>()(payloads['cursor.moved'])
  isExactly<{ who: string }>()(payloads['typing.started'])
  isExactly<{ article: number, at: Date }>()(payloads['price.changed'])
  // @ts-expect-error ephemeral is true or false
  defineEvents({ a: { schema: Type.String(), ephemeral: 'yes' } })
  // @ts-expect-error a declaration has a schema
  defineEvents({ a: { ephemeral: true } })
  // @ts-expect-error the payload has no such property
  defineEvents({ a: { schema: Type.Object({ who: Type.String() }), ephemeral: true, latestBy: (payload) => payload.whom } })
  // @ts-expect-error a key is text or a number
  defineEvents({ a: { schema: Type.Object({ who: Type.Boolean() }), latestBy: ({ who }) => who } })
  // @ts-expect-error latestBy is a function
  defineEvents({ a: { schema: Type.Object({ who: Type.String() }), latestBy: 'who' } })
}

export async function optionsOfABroadcastAreTyped (): Promise<void> {
  await sse.broadcast('message', 'text', { channels: 'a' })
  await sse.broadcast('message', 'text', { channels: ['a', EVERYBODY] as const, id: 'own-1' })
  const { id } = await sse.broadcast('message', 'text', { ephemeral: true })
  isExactly<string | null>()(id)
  // @ts-expect-error an id is text
  await sse.broadcast('message', 'text', { id: 1 })
  // @ts-expect-error ephemeral is true or false
  await sse.broadcast('message', 'text', { ephemeral: 1 })
  // @ts-expect-error the name of a channel is text
  await sse.broadcast('message', 'text', { channels: [1] })
  // @ts-expect-error latestBy belongs to a declaration
  await sse.broadcast('message', 'text', { latestBy: 'a' })
}

export async function membersOfAChannelAreTyped (): Promise<void> {
  const channel = sse.channel('orders')
  isExactly<Channel<Ours>>()(channel)
  isExactly<string>()(channel.name)
  isExactly<number>()(channel.count())
  isExactly<{ readonly id: string | null }['id']>()((await channel.broadcast('order.updated', { id: 'o-1', total: 1 })).id)
  await channel.broadcast('order.dated', { at: new Date() }, { id: 'own-1' })
  await channel.broadcast('typing.started', { who: 'Ada' }, { ephemeral: false })
  for (const one of channel.subscribers()) isExactly<Subscriber<Ours>>()(one)
  isExactly<number>()(await channel.disconnect())
  await channel.disconnect(({ channels }) => channels.includes('a'), { final: true })
  // @ts-expect-error a broadcast to a channel has no option "channels"
  await channel.broadcast('message', 'text', { channels: 'b' })
  // @ts-expect-error there is no such event
  await channel.broadcast('order.deleted', {})
  // @ts-expect-error "total" is missing
  await channel.broadcast('order.updated', { id: 'o-1' })
  // @ts-expect-error a name is text
  sse.channel(7)
  // @ts-expect-error the name of a channel is readonly
  channel.name = 'others'
  // @ts-expect-error "count" of a channel takes no name
  channel.count('b')
}

export async function disconnectIsTyped (): Promise<void> {
  isExactly<number>()(await sse.disconnect((one) => {
    isExactly<Subscriber<Ours>>()(one)
    return one.channels.includes('a')
  }))
  await sse.disconnect(() => true, { final: true })
  // @ts-expect-error a predicate is synchronous, since a promise is always truthy
  await sse.disconnect(async () => false)
  // @ts-expect-error a predicate returns true or false
  await sse.disconnect(() => 1)
  // @ts-expect-error the predicate is missing
  await sse.disconnect()
  // @ts-expect-error an unknown option
  await sse.disconnect(() => true, { finally: true })
  for (const one of sse.subscribers()) void one.send('message', 'text')
  for (const one of sse.subscribers(EVERYBODY)) isExactly<Subscriber<Ours>>()(one)
  isExactly<number>()(sse.count('a'))
  // @ts-expect-error a channel is a name
  sse.count(['a', 'b'])
}

export async function sendIsTyped (): Promise<void> {
  isExactly<boolean>()(await subscriber.send('message', 'text'))
  await subscriber.send('order.updated', { id: 'o-1', total: 9.5 })
  await subscriber.send('order.dated', { at: new Date() })
  // @ts-expect-error there is no such event
  await subscriber.send('order.deleted', {})
  // @ts-expect-error an application cannot send events of the plugin
  await subscriber.send('sse.close', { reason: 'ended' })
  // @ts-expect-error the payload is text
  await subscriber.send('message', 7)
  // @ts-expect-error "total" is missing
  await subscriber.send('order.updated', { id: 'o-1' })
  // @ts-expect-error "at" is a Date on the server
  await subscriber.send('order.dated', { at: '1970-01-01T00:00:00Z' })
  // @ts-expect-error "send" takes no options
  await subscriber.send('message', 'text', { id: 'own-1' })
  // @ts-expect-error an event has a payload
  await subscriber.send('message')
}

export async function streamIsTyped (): Promise<void> {
  const texts: Source<string> = async function * (signal) {
    isExactly<AbortSignal>()(signal)
    yield 'text'
  }
  isExactly<boolean>()(await subscriber.stream('message', texts))
  await subscriber.stream('message', texts, { end: false })
  await subscriber.stream('order.updated', async function * () { yield { id: 'o-1', total: 9.5 } })
  await subscriber.stream('order.dated', async function * (signal) { if (!signal.aborted) yield { at: new Date() } })
  await subscriber.stream('message', () => Readable.from(['one', 'two']))
  await subscriber.stream('message', (signal): ReadableStream<string> => {
    void signal
    return new ReadableStream<string>()
  })
  // @ts-expect-error the items are texts
  await subscriber.stream('message', async function * () { yield 7 })
  // @ts-expect-error the items lack "total"
  await subscriber.stream('order.updated', async function * () { yield { id: 'o-1' } })
  // @ts-expect-error there is no such event
  await subscriber.stream('order.deleted', texts)
  // @ts-expect-error a source is a function, not an iterable
  await subscriber.stream('message', Readable.from(['one']))
  // @ts-expect-error a list is not asynchronous
  await subscriber.stream('message', () => ['one'])
  await subscriber.stream('message', async (signal) => texts(signal) as AsyncIterable<string>)
  // @ts-expect-error the items of the promised iterable are texts
  await subscriber.stream('message', async () => (async function * () { yield 1 })())
  // @ts-expect-error an unknown option
  await subscriber.stream('message', texts, { final: true })
  // @ts-expect-error end is true or false
  await subscriber.stream('message', texts, { end: 'yes' })
}

export async function membersOfASubscriberAreTyped (): Promise<void> {
  isExactly<readonly string[]>()(subscriber.channels)
  isExactly<string | null>()(subscriber.lastEventId)
  isExactly<AbortSignal>()(subscriber.signal)
  isExactly<CloseReason>()(await subscriber.closed)
  isExactly<number>()(subscriber.lag)
  subscriber.join('a')
  subscriber.leave('a')
  subscriber.close()
  subscriber.close({ final: true })
  // @ts-expect-error "join" takes one channel
  subscriber.join(['a', 'b'])
  // @ts-expect-error the list of channels is readonly
  subscriber.channels.push('a')
  // @ts-expect-error an unknown option
  subscriber.close({ reason: 'ended' })
}

export async function subscribeIsTyped (): Promise<void> {
  isExactly<Subscriber<Ours>>()(await sse.subscribe(reply))
  await sse.subscribe(reply, { channels: ['a', EVERYBODY], from: 'oldest', context: { name: 'Ada' } })
  await sse.subscribe(reply, { channels: [], from: sse.lastEventId ?? 'head' })
  await sse.subscribe(reply, { channels: ['a'] as const, context: undefined })
  // @ts-expect-error "channels" is a list
  await sse.subscribe(reply, { channels: 'a' })
  // @ts-expect-error an event ID is text
  await sse.subscribe(reply, { from: 7 })
  // @ts-expect-error an unknown option
  await sse.subscribe(reply, { channel: ['a'] })
  await sse.subscribe(reply, { expiresAt: new Date() })
  await sse.subscribe(reply, { expiresAt: undefined })
  // @ts-expect-error "expiresAt" is a Date, since a number could be seconds
  await sse.subscribe(reply, { expiresAt: Date.now() })
}

export async function optionsOfRegistrationAreTyped (): Promise<void> {
  await app.register(ssePlugin, { events, maxChannelsPerSubscriber: 10 })
  await app.register(ssePlugin, {
    subscribe: (request: FastifyRequest) => ({ channels: [request.ip], from: 'head', context: {} }),
    onClose: (one, reason) => {
      isExactly<CloseReason>()(reason)
      one.leave('a')
    }
  })
  await app.register(ssePlugin, { subscribe: async (request) => request.ip === '' ? undefined : { channels: ['a'] } })
  // @ts-expect-error "channels" is a list
  await app.register(ssePlugin, { subscribe: () => ({ channels: 'a' }) })
  // @ts-expect-error a limit is a number, Infinity for none
  await app.register(ssePlugin, { maxChannelsPerSubscriber: false })
  // @ts-expect-error an unknown option
  await app.register(ssePlugin, { maxChannels: 10 })
}

export async function limitsOfRegistrationAreTyped (): Promise<void> {
  await app.register(ssePlugin, { heartbeatInterval: false, heartbeatEvent: false, idleTimeout: 1, maxLifetime: Infinity, maxSubscribers: 1, overload: 'reject' })
  await app.register(ssePlugin, { maxSubscribersPerKey: 5, keyGenerator: ({ ip }) => ip })
  await app.register(ssePlugin, { keyGenerator: async (request: FastifyRequest<{ Querystring: { tenant: number } }>) => request.query.tenant })
  // @ts-expect-error a key is text or a number
  await app.register(ssePlugin, { keyGenerator: ({ headers }) => headers['x-user'] })
  // @ts-expect-error "overload" is "retry" or "reject"
  await app.register(ssePlugin, { overload: 'drop' })
  // @ts-expect-error an interval is a time or false
  await app.register(ssePlugin, { heartbeatInterval: true })
  // @ts-expect-error a limit is a number, Infinity for none
  await app.register(ssePlugin, { maxSubscribers: false })
}
