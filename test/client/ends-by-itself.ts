// node --import tsx ends-by-itself.ts <url>: opens three streams in turn, closes each in a different state, and exits without `process.exit`.
import { connect, type Status } from '../../client/index.ts'

const states: Array<Status['state']> = []

for (const state of ['open', 'waiting', 'connecting'] as const) {
  const stream = connect(process.argv[2]!, { headers: {} })
  if (state === 'open') await stream.events('message').next()
  for await (const status of stream.statuses()) if (status.state === state) break
  // By then the request has been sent.
  if (state === 'connecting') await new Promise((resolve) => setTimeout(resolve, 200))
  states.push(stream.status.state)
  stream.close()
}
console.log(states.join(' '))
