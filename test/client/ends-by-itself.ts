// node --import tsx ends-by-itself.ts <url>: three streams, one after the other, each closed in a state of its own. Nothing ends the process.
import { connect, type Status } from '../../client/index.ts'

const states: Array<Status['state']> = []

for (const state of ['open', 'waiting', 'connecting'] as const) {
  const stream = connect(process.argv[2]!, { headers: {} })
  if (state === 'open') await stream.events('message').next()
  for await (const status of stream.statuses()) if (status.state === state) break
  // It is asked for by then.
  if (state === 'connecting') await new Promise((resolve) => setTimeout(resolve, 200))
  states.push(stream.status.state)
  stream.close()
}
console.log(states.join(' '))
