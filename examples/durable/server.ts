import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../free-ports.ts'

// The demo with its events in a file of SQLite. It is killed again and again, as if its machine had failed, and started again. Its pages go on
// without a gap.

const KILL_AFTER = Number(process.env.KILL_AFTER ?? 15) * 1000

const ENDS_WITH_PARENT = 'data:text/javascript,process.on("disconnect", () => process.exit()); process.channel.unref()'

const folder = mkdtempSync(join(tmpdir(), 'durable-'))
const [freePort] = await freePorts(1)
const port = Number(process.env.PORT ?? 3000) || freePort!
const stopping = new AbortController()
let demo: ChildProcess | undefined

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopping.abort()
    demo?.kill('SIGTERM')
  })
}
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

for (let start = 1; !stopping.signal.aborted; start++) {
  demo = startDemo()
  const ended = once(demo, 'exit')
  console.log(JSON.stringify({ start, pid: demo.pid, msg: `open http://127.0.0.1:${port}` }))
  // Waits for the end of the demo, or until it is time to kill it.
  await Promise.race([ended, untilItListens().then(() => pause(KILL_AFTER, undefined, { signal: stopping.signal })).catch(() => ended)])
  if (!stopping.signal.aborted) demo.kill('SIGKILL')
  await ended
}

function startDemo (): ChildProcess {
  const args = ['--host', '127.0.0.1', '--port', String(port), '--other-port', '0', '--log-level', 'info', '--broker', `sqlite:${join(folder, 'events.db')}`]
  return fork(fileURLToPath(new URL('../../demo/server.ts', import.meta.url)), args, { execArgv: [...process.execArgv, '--import', ENDS_WITH_PARENT] })
}

async function untilItListens (): Promise<void> {
  while (!await fetch(`http://127.0.0.1:${port}/`).then(({ ok }) => ok, () => false)) await pause(100, undefined, { signal: stopping.signal })
}
