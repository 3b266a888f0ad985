// Checked by the compiler only. A missing expected error is an error.

import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import ssePlugin, { defineEvents, type AnyEvents, type Channel, type EventsOf, type Sse, type Subscriber } from '../../plugin.ts'

interface Order { id: string, total: number }
interface Few { order: Order }
interface Many { order: Order, note: string }
interface Loose { order: { id: string } }

declare const few: { sse: Sse<Few>, channel: Channel<Few>, subscriber: Subscriber<Few> }
declare const many: { sse: Sse<Many>, channel: Channel<Many>, subscriber: Subscriber<Many> }
declare const loose: { sse: Sse<Loose>, channel: Channel<Loose>, subscriber: Subscriber<Loose> }
declare const any: { sse: Sse<AnyEvents>, channel: Channel<AnyEvents>, subscriber: Subscriber<AnyEvents> }

declare function takesFew (of: Sse<Few> | Channel<Few> | Subscriber<Few>): void
declare function takesMany (of: Sse<Many> | Channel<Many> | Subscriber<Many>): void
declare function takesLoose (of: Sse<Loose> | Channel<Loose> | Subscriber<Loose>): void
declare function takesAny (of: Sse<AnyEvents> | Channel<AnyEvents> | Subscriber<AnyEvents>): void

export function moreEventsAreAssignableToFewer (): void {
  takesFew(few.sse)
  takesFew(many.sse)
  takesFew(many.channel)
  takesFew(many.subscriber)
  // @ts-expect-error there is no "note"
  takesMany(few.sse)
  // @ts-expect-error there is no "note"
  takesMany(few.channel)
  // @ts-expect-error there is no "note"
  takesMany(few.subscriber)
}

export function looserPayloadsAreAssignableToStricter (): void {
  takesFew(loose.sse)
  takesFew(loose.channel)
  takesFew(loose.subscriber)
  // @ts-expect-error a broadcast would lack "total"
  takesLoose(few.sse)
  // @ts-expect-error a broadcast would lack "total"
  takesLoose(few.channel)
  // @ts-expect-error a send would lack "total"
  takesLoose(few.subscriber)
}

export function anyEventsAreAssignableInBothDirections (): void {
  takesAny(any.sse)
  takesFew(any.sse)
  takesFew(any.channel)
  takesFew(any.subscriber)
  takesAny(few.sse)
  takesAny(few.channel)
  takesAny(few.subscriber)
}

// The default type argument of `Subscriber` is `AnyEvents`, since this program augments nothing.
declare function logs (subscriber: Subscriber): void

export function untypedCodeAcceptsTypedCode (app: FastifyInstance, reply: FastifyReply): void {
  takesFew(app.sse)
  takesFew(app.sse.channel('a'))
  const sse = app.sse.of(fewEvents)
  takesAny(sse)
  void sse.subscribe(reply).then(logs)
  for (const subscriber of sse.subscribers()) logs(subscriber)
  const isFew = (subscriber: Subscriber<Few>): boolean => subscriber.lag > 0
  app.register(ssePlugin, { onSubscribe: (subscriber: Subscriber<Few>) => { void subscriber.send('order', { id: 'a', total: 1 }) } })
  app.register(ssePlugin, { onClose: (subscriber: Subscriber<Few>) => { logs(subscriber) } })
  void app.sse.disconnect(isFew)
  void app.sse.channel('a').disconnect(isFew)
  void sse.disconnect((subscriber: Subscriber) => subscriber.lag > 0)
}

export function eventsWithAnIndexSignatureAreCompared (numbers: Sse<Record<string, number>>): void {
  takesAny(numbers)
  // @ts-expect-error its payloads are numbers
  takesFew(numbers)
  // @ts-expect-error it takes only the declared events
  const none: typeof numbers = few.sse
  void none
}

export const fewEvents = defineEvents({ order: Type.Object({ id: Type.String(), total: Type.Number() }) })
export const manyEvents = defineEvents({ order: Type.Object({ id: Type.String(), total: Type.Number() }), note: Type.String() })

export function declarationsAreComparedByTheirPayloads (sse: Sse<EventsOf<typeof manyEvents>>): void {
  takesMany(sse)
  const same: Sse<EventsOf<typeof fewEvents>> = sse
  void same
}
