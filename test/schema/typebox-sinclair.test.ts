import { createRequire } from 'node:module'
import * as imported from '@sinclair/typebox'
import t from 'tap'
import { EventTypes } from '../../lib/schema/event-types.ts'
import type { AnySchema } from '../../lib/schema/payload.ts'
import { Kind, TransformKind } from '../../lib/schema/type-marks.ts'

const required = createRequire(import.meta.url)('@sinclair/typebox') as typeof imported

t.test('all copies of TypeBox 0.34 share the marks Kind and TransformKind', async (t) => {
  t.not(imported.TypeRegistry.Set, required.TypeRegistry.Set, 'two copies are loaded')
  for (const typeBox of [imported, required]) {
    t.equal(typeBox.Kind, Kind)
    t.equal(typeBox.TransformKind, TransformKind)
  }
})

t.test('a kind is checked by the copy of TypeBox in which the application registered it', async (t) => {
  required.TypeRegistry.Set('Even', (_schema, value) => Number(value) % 2 === 0)
  t.teardown(() => required.TypeRegistry.Delete('Even'))
  const types = await EventTypes.compile([{ even: { [Kind]: 'Even' } as unknown as AnySchema }])
  t.equal(types.validate('even', 2).payload, 2)
  t.throws(() => types.validate('even', 3), { code: 'FST_SSE_PAYLOAD_INVALID' })
})

t.test('a declaration uses the format and the kind that are registered at that time, in either copy of TypeBox', async (t) => {
  const [Format, Registry] = [required.FormatRegistry, required.TypeRegistry]
  const accepts = async (schema: AnySchema, value: string): Promise<boolean> => {
    const types = await EventTypes.compile([{ event: schema }])
    try {
      return types.validate('event', value).payload === value
    } catch {
      return false
    }
  }
  const email = imported.Type.String({ format: 'email' })
  t.equal(await accepts(email, 'own'), false, 'Fastify\'s own rule')
  Format.Set('email', (value) => value === 'own')
  t.teardown(() => Format.Delete('email'))
  t.equal(await accepts(email, 'own'), true)
  Format.Set('email', (value) => value === 'other')
  t.equal(await accepts(email, 'other'), true)
  const kind = { [Kind]: 'Word' } as unknown as AnySchema
  Registry.Set('Word', (_schema, value) => value === 'own')
  t.teardown(() => Registry.Delete('Word'))
  t.equal(await accepts(kind, 'own'), true)
  Registry.Set('Word', (_schema, value) => value === 'other')
  t.equal(await accepts(kind, 'other'), true)
  Registry.Delete('Word')
  t.equal(await accepts(kind, 'other'), false)
})

t.test('a kind that no copy of TypeBox knows is refused with its name', async (t) => {
  await t.rejects(EventTypes.compile([{ odd: { [Kind]: 'Odd' } as unknown as AnySchema }]), { code: 'FST_SSE_EVENT_INVALID', message: /"odd".*the type "Odd"/ })
})
