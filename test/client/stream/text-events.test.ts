import t from 'tap'
import { EventTypes } from '../../../lib/schema/event-types.ts'
import { type Declarations } from '../../../lib/schema/declarations.ts'
import '../../support/typebox.ts'

// test/client/types.ts checks these tables with the compiler. Imported once `typebox` is loaded, which is faster.
const { JSON_TEXT, TEXT } = await import('./text-events.ts')

for (const [events, isText] of [[TEXT, true], [JSON_TEXT, false]] as const) {
  for (const [name, declaration] of Object.entries(events as unknown as Declarations)) {
    t.test(`the server sends ${name} as ${isText ? 'text' : 'JSON'}`, async (t) => {
      t.equal((await EventTypes.compile([{ event: declaration }])).isText('event'), isText)
    })
  }
}
