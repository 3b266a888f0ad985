import type { TSchema } from '@sinclair/typebox'
import fc from 'fast-check'
import t from 'tap'
import { Acceptance } from '../../lib/schema/acceptance.ts'
import { EventTypes } from '../../lib/schema/event-types.ts'
import type { Schema } from '../../lib/schema/schema.ts'
import { SchemaNode } from '../../lib/schema/schema-node.ts'
import { typeLineOf } from '../../lib/schema/type-lines.ts'
import { LINES, payloads, schemas } from '../support/recursive-schemas.ts'
import { tries } from '../support/tries.ts'
import { Next } from '../support/typebox.ts'

for (const [line, T, recursive] of LINES) {
  t.test(`for any recursive union of ${line}`, async (t) => {
    t.test('each member accepts exactly the payloads that TypeBox accepts', async (t) => {
      await t.resolves(fc.assert(fc.asyncProperty(schemas(T, recursive), payloads, async (schema, payload) => {
        const typeLine = await typeLineOf(schema as Schema)
        if (typeLine === undefined) return false
        const { root, findings } = SchemaNode.build(schema as Schema, () => false)
        const acceptance = new Acceptance(typeLine, findings.alternatives)
        // typebox 1.x keeps a recursive schema behind a reference.
        const [union, place] = schema.$defs === undefined ? [schema, root] : [schema.$defs.Self as TSchema, root.all[0]]
        return acceptance.during(() => (union.anyOf as Schema[]).every((member, index) => (
          place?.alternatives[index]?.accepts(payload) === typeLine.compile(member, [union as Schema]).check(payload)
        )))
      }), tries(500)))
    })
  })

  t.test(`an object that changes between two checks is checked again under ${line}`, async (t) => {
    const schema = recursive((Self) => T.Union([T.Object({ next: T.Optional(Self), a: T.Number() }), T.Object({ b: T.Number() })]))
    const typeLine = await typeLineOf(schema as Schema)
    const { root, findings } = SchemaNode.build(schema as Schema, () => false)
    if (typeLine === undefined) return t.fail()
    const acceptance = new Acceptance(typeLine, findings.alternatives)
    const [member] = (root.all[0] ?? root).alternatives
    const inner: Record<string, unknown> = { a: 1 }
    const judged = (): boolean | undefined => acceptance.during(() => member?.accepts({ next: inner, a: 1 }))
    t.equal(judged(), true)
    delete inner.a
    t.equal(judged(), false)
  })
}

t.test('a part is accepted if a reference evaluates its properties, and refused with an unevaluated one', async (t) => {
  const Leaf = { $id: 'Leaf', properties: { a: { type: 'number' } } }
  const part = { allOf: [{ $ref: 'Leaf' }], unevaluatedProperties: false }
  const schema = Next.Unsafe({ $id: 'Root', anyOf: [{ properties: { part }, required: ['part'] }, { type: 'null' }], $defs: { Leaf } })
  const types = await EventTypes.compile([{ event: schema }])
  t.same(JSON.parse(JSON.stringify(types.validate('event', { part: { a: 1 }, b: 2 }).payload)), { part: { a: 1 } })
  t.throws(() => types.validate('event', { part: { a: 1, b: 2 } }), { code: 'FST_SSE_PAYLOAD_INVALID' })
})
