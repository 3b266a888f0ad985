// Checked by the compiler only. A missing expected error is an error.

import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import ssePlugin, { defineEvents, type EventsOf, type Run, type RunEnd, type RunStatus, type Sse, type Subscriber } from '../../plugin.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
/** Compiles only if a value has exactly the type `T`. */
declare function isExactly<T> (): <V>(value: V, ...different: Same<T, V> extends true ? [] : [never]) => void
declare const app: FastifyInstance
declare const reply: FastifyReply

const At = Type.Transform(Type.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())

const events = defineEvents({
  token: { schema: Type.String(), merge: (older, newer) => older + newer },
  step: {
    schema: Type.Object({ n: Type.Number(), at: At }),
    merge: (older, newer) => {
      // As readers get them.
      isExactly<{ n: number, at: string }>()(older)
      return newer.n > older.n ? newer : undefined
    }
  },
  plain: Type.Boolean()
})

type Ours = EventsOf<typeof events>
declare const sse: Sse<Ours>

export function mergeIsTyped (payloads: Ours): void {
  isExactly<{ n: number, at: Date }>()(payloads.step)
  // @ts-expect-error the result is a payload
  defineEvents({ a: { schema: Type.String(), merge: (older, newer) => older.length + newer.length } })
  // @ts-expect-error the payload has no such property
  defineEvents({ a: { schema: Type.Object({ n: Type.Number() }), merge: (older, newer) => ({ n: older.m + newer.n }) } })
  // @ts-expect-error merge is a function
  defineEvents({ a: { schema: Type.String(), merge: true } })
}

export async function sourcesAreTyped (): Promise<void> {
  const run = await sse.runs.start('token', async function * (signal) {
    isExactly<AbortSignal>()(signal)
    yield 'a'
  }, { id: 'a', keepFor: 1, maxBytes: 1, stopWhenUnread: false, context: {} })
  isExactly<Run<Ours>>()(run)
  isExactly<RunStatus>()(run.status)
  isExactly<RunEnd>()(await run.finished)
  isExactly<boolean>()(await run.stop())
  isExactly<Subscriber<Ours>>()(await run.subscribe(reply, { plain: { end: '[DONE]' }, from: 'head' }))
  await sse.runs.start('step', async function * () { yield { n: 1, at: new Date() } })
  await sse.runs.start(async function * () {
    yield { event: 'token', data: 'a' } as const
    yield { event: 'plain', data: true } as const
  }, { stopWhenUnread: 1000 })
  // @ts-expect-error the event is not declared
  await sse.runs.start('tokens', async function * () { yield 'a' })
  // @ts-expect-error an item is a payload of the event
  await sse.runs.start('token', async function * () { yield 1 })
  // @ts-expect-error the items of several events have their payloads
  await sse.runs.start(async function * () { yield { event: 'token', data: 1 } as const })
  // @ts-expect-error a source is a function
  await sse.runs.start('token', ['a'])
  // @ts-expect-error the option is unknown
  await sse.runs.start('token', async function * () { yield 'a' }, { keep: 1 })
  // @ts-expect-error a status is read only
  run.status = 'done'
}

export async function readersAreTyped (): Promise<void> {
  isExactly<Subscriber<Ours>>()(await sse.runs.subscribe(reply, 'a', { resume: false, expiresAt: new Date() }))
  isExactly<RunStatus>()(await sse.runs.status('a'))
  isExactly<boolean>()(await sse.runs.stop('a'))
  // A promise that need not be awaited.
  sse.runs.stop('a')
  // @ts-expect-error a reader of a run hears no channels
  await sse.runs.subscribe(reply, 'a', { channels: ['a'] })
  // @ts-expect-error an ID is text
  await sse.runs.subscribe(reply, 1)
  // @ts-expect-error `plain` has an end
  await sse.subscribe(reply, { plain: {} })
}

export async function optionsAreTyped (): Promise<void> {
  await app.register(ssePlugin, { events, plain: { end: '' }, runs: { keepFor: 1, maxBytes: 2, maxRuns: 3 } })
  // @ts-expect-error the option is unknown
  await app.register(ssePlugin, { runs: { keep: 1 } })
  // @ts-expect-error true, false or an end
  await app.register(ssePlugin, { plain: 'yes' })
}
