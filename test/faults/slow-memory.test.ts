import t from 'tap'
import { noNamespaces, within } from './namespaces.ts'
import { Program, untilSeen } from './program.ts'
import type { ReaderCommands } from './readers.ts'
import type { ServerCommands, State } from './server.ts'

const KIB = 1024
const READERS = 200
const MAX_BACKLOG = 256 * KIB
// The memory that docs/security.md states in addition to `maxBacklogBytes`.
const BESIDE = 64 * KIB

const inUse = ({ rss, freeHeap }: State): number => rss - freeHeap

// Sends that are not awaited may wait in addition to the bytes in the socket.
for (const [by, allowed] of [['broadcast', MAX_BACKLOG], ['send', 2 * MAX_BACKLOG]] as const) {
  t.test(`${READERS} readers that never read take at most the stated memory for tiny events by \`${by}\``, { skip: noNamespaces() }, async (t) => {
    const server = await Program.start<ServerCommands>(t, 'server.ts', { alone: true, nodeOptions: ['--expose-gc'] })
    within(server.pid, 'ip', 'link', 'set', 'lo', 'up')
    // Otherwise the kernel would buffer megabytes per reader, outside the memory of this process.
    for (const name of ['wmem', 'rmem']) within(server.pid, 'sh', '-c', `echo 4096 4096 4096 > /proc/sys/net/ipv4/tcp_${name}`)
    const readers = await Program.start<ReaderCommands>(t, 'readers.ts', { within: server.pid })
    const port = await server.call('listen', { options: { stallTimeout: false, heartbeatInterval: false, history: { maxEvents: 100 }, maxBacklogBytes: MAX_BACKLOG } })
    const look = (): Promise<State> => server.call('state')
    await readers.call('openStalled', port, READERS)
    const before = await untilSeen(look, ({ count }) => count === READERS)
    // More than may wait in and beside a socket, in events of 4 bytes plus their fields.
    await server.call('trickle', 3 * MAX_BACKLOG / 512, by)
    await server.call('settlesAt', 0)
    const after = await look()
    t.equal(after.count, READERS, 'every reader is connected')
    const each = (inUse(after) - inUse(before)) / READERS
    t.ok(each <= allowed + BESIDE, `${Math.round(each / KIB)} KiB each`)
    t.ok(each > 128 * KIB, 'bytes wait for the readers')
  })
}
