import t from 'tap'
import { noNamespaces, within } from './namespaces.ts'
import { Program, untilSeen } from './program.ts'
import type { ReaderCommands } from './readers.ts'
import type { ServerCommands, State } from './server.ts'

const KIB = 1024
const MIB = 1024 * KIB
const READERS = 500
const MAX_BACKLOG = 256 * KIB
// What docs/security.md states beside `maxBacklogBytes`.
const BESIDE = 64 * KIB

// What was sent to a reader alone, and not awaited, may wait beside its socket as well.
for (const [by, allowed] of [['broadcast', MAX_BACKLOG], ['send', 2 * MAX_BACKLOG]] as const) {
  t.test(`${READERS} readers that never read keep no more than is stated, whatever tiny events they are given by \`${by}\``, { skip: noNamespaces() }, async (t) => {
    const server = await Program.start<ServerCommands>(t, 'server.ts', { alone: true, nodeOptions: ['--expose-gc'] })
    within(server.pid, 'ip', 'link', 'set', 'lo', 'up')
    // The kernel would take megabytes for each, and none of that is this process's.
    for (const name of ['wmem', 'rmem']) within(server.pid, 'sh', '-c', `echo 4096 4096 4096 > /proc/sys/net/ipv4/tcp_${name}`)
    const readers = await Program.start<ReaderCommands>(t, 'readers.ts', { within: server.pid })
    const port = await server.call('listen', { options: { stallTimeout: false, heartbeatInterval: false, history: { maxEvents: 100 }, maxBacklogBytes: MAX_BACKLOG } })
    const look = (): Promise<State> => server.call('state')
    await readers.call('openStalled', port, READERS)
    const before = await untilSeen(look, ({ count }) => count === READERS)
    // More than waits in a socket and beside it, in events of 4 bytes and their fields.
    await server.call('trickle', 3 * MAX_BACKLOG / 512, by)
    await server.call('settlesAt', 0)
    const after = await look()
    t.equal(after.count, READERS, 'they are all there')
    const each = (after.rss - before.rss) / READERS
    t.ok(each <= allowed + BESIDE, `${Math.round(each / KIB)} KiB each`)
    t.ok(after.rss - before.rss > READERS * 16 * KIB, `they were made to keep something: ${Math.round((after.rss - before.rss) / MIB)} MiB`)
  })
}
