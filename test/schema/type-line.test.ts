import { createRequire } from 'node:module'
import * as imported from '@sinclair/typebox'
import t from 'tap'
import { EventTypes } from '../../lib/schema/event-types.ts'
import type { AnySchema } from '../../lib/schema/payload.ts'
import { Kind, TransformKind } from '../../lib/schema/type-marks.ts'

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

t.test('a format or a kind that the application replaces later is checked as it is then, in either copy', async (t) => {
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

t.test('a kind that no copy knows is refused by its name', async (t) => {
  await t.rejects(EventTypes.compile([{ odd: { [Kind]: 'Odd' } as unknown as AnySchema }]), { code: 'FST_SSE_EVENT_INVALID', message: /"odd".*the type "Odd"/ })
})
