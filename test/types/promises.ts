// Checked by the compiler only. A missing expected error is an error.

import type { Broadcast, CloseReason, SafePromise, Sse, Subscriber } from '../../plugin.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
/** Compiles only if a value has exactly the type `T`. */
declare function isExactly<T> (): <V>(value: V, ...different: Same<T, V> extends true ? [] : [never]) => void
declare const sse: Sse<{ 'order.updated': { id: string, at: Date } }>
declare const subscriber: Subscriber<{ 'order.updated': { id: string, at: Date } }>
const order = { id: 'o-1', at: new Date() }

export async function aSafePromiseIsAPromise (): Promise<Broadcast> {
  const promise: Promise<Broadcast> = sse.broadcast('order.updated', order)
  isExactly<SafePromise<Broadcast>>()(sse.broadcast('order.updated', order))
  isExactly<Broadcast>()(await sse.broadcast('order.updated', order))
  isExactly<[Broadcast, boolean, number]>()(await Promise.all([
    sse.channel('a').broadcast('order.updated', order), subscriber.send('order.updated', order), sse.disconnect(() => true)
  ]))
  isExactly<Promise<string | null>>()(sse.broadcast('order.updated', order).then(({ id }) => id))
  isExactly<Promise<Broadcast | undefined>>()(sse.broadcast('order.updated', order).catch(() => undefined))
  isExactly<Promise<boolean>>()(subscriber.stream('order.updated', async function * () { yield order }).finally(() => {}))
  isExactly<Promise<CloseReason>>()(subscriber.closed)
  const callback: () => Promise<unknown> = () => sse.channel('a').disconnect()
  await callback()
  await promise
  return sse.broadcast('order.updated', order)
}
