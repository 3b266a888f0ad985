import { Http2Readers } from './http2-readers.ts'
import type { AskedOfLoad, Crowd, ToldByLoad } from './messages.ts'
import { Readers } from './readers.ts'
import { Tally } from './tally.ts'
import { visit } from './visits.ts'

// The process of all readers of a cell, started by the driver.

// The tally of the latest crowd.
let tally: Tally | undefined

process.once('disconnect', () => process.exit())
process.on('message', (asked: AskedOfLoad) => {
  if (asked === 'begin') tally?.begin()
  else if (asked === 'report') tell({ what: 'report', counts: tally!.counts })
  else if ('turns' in asked) tally?.turns(asked.turns)
  else if ('visit' in asked) void visit(asked.visit).then((visited) => tell({ what: 'visited', ...visited }))
  else void open(asked.connect)
})

async function open (crowd: Crowd): Promise<void> {
  tally = new Tally(crowd, () => tell({ what: 'turn' }))
  const readers = crowd.sessions === 0 ? new Readers(crowd, tally) : new Http2Readers(crowd, tally)
  const open = await readers.open()
  tell({ what: 'open', open, refused: crowd.readers - open })
}

function tell (told: ToldByLoad): void {
  process.send?.(told)
}
