// Read by the compiler alone. An expected error that does not come is an error itself.

import { Type } from '@sinclair/typebox'
import { defineEvents, type AnyEvents, type Channel, type EventsOf, type Sse, type Subscriber } from '../../plugin.ts'

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

export function whoWantsFewerEventsIsGivenMore (): void {
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

export function whatTakesLessTakesMore (): void {
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

export function whatIsUntypedIsTypedByOfAlone (): void {
  takesAny(any.sse)
  takesFew(any.sse.of(fewEvents))
  // @ts-expect-error nobody has looked whether it is declared
  takesFew(any.sse)
  // @ts-expect-error it takes those that are declared
  takesAny(few.sse)
  // @ts-expect-error it takes those that are declared
  takesAny(few.channel)
  // @ts-expect-error it takes those that are declared
  takesAny(few.subscriber)
}

export const fewEvents = defineEvents({ order: Type.Object({ id: Type.String(), total: Type.Number() }) })
export const manyEvents = defineEvents({ order: Type.Object({ id: Type.String(), total: Type.Number() }), note: Type.String() })

export function declarationsAreComparedByTheirPayloads (sse: Sse<EventsOf<typeof manyEvents>>): void {
  takesMany(sse)
  const same: Sse<EventsOf<typeof fewEvents>> = sse
  void same
}
