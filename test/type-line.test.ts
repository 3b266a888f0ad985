import { createRequire } from 'node:module'
import * as imported from '@sinclair/typebox'
import t from 'tap'
import { EventTypes } from '../lib/event-types.ts'
import type { AnySchema } from '../lib/payload.ts'
import { Kind, TransformKind } from '../lib/type-marks.ts'

const required = createRequire(import.meta.url)('@sinclair/typebox') as typeof imported

t.test('the marks of TypeBox 0.34 are those of every copy of it', async (t) => {
  t.not(imported.TypeRegistry.Set, required.TypeRegistry.Set, 'there are two copies')
  for (const typeBox of [imported, required]) {
    t.equal(typeBox.Kind, Kind)
    t.equal(typeBox.TransformKind, TransformKind)
  }
})

t.test('a kind is checked as the copy of TypeBox does with which the application registered it', async (t) => {
  required.TypeRegistry.Set('Even', (_schema, value) => Number(value) % 2 === 0)
  t.teardown(() => required.TypeRegistry.Delete('Even'))
  const types = await EventTypes.compile([{ even: { [Kind]: 'Even' } as unknown as AnySchema }])
  t.equal(types.validate('even', 2).payload, 2)
  t.throws(() => types.validate('even', 3), { code: 'FST_SSE_PAYLOAD_INVALID' })
})

t.test('a kind that no copy knows is refused by its name', async (t) => {
  await t.rejects(EventTypes.compile([{ odd: { [Kind]: 'Odd' } as unknown as AnySchema }]), { code: 'FST_SSE_EVENT_INVALID', message: /"odd".*the type "Odd"/ })
})
