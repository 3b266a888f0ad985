import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort, HOST } from './listening.ts'

const NGINX = '/usr/sbin/nginx'
const NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so'
const ATTEMPTS = 5
const LOOK_INTERVAL = 10

// An nginx with one worker, for the server nchan.

export const isInstalled = existsSync(NGINX) && existsSync(NCHAN)

export interface Nginx {
  readonly port: number
  readonly folder: string
  readonly worker: number
  stop (): Promise<void>
}

/** Returns the versions of nginx and of the Debian package of its module. */
export function titleOfNginx (): string {
  if (!isInstalled) return 'nginx + nchan'
  const said = (command: string, ...args: string[]): string => spawnSync(command, args, { encoding: 'utf8' }).output.join('')
  const [, nginx] = /nginx\/([\d.]+)/.exec(said(NGINX, '-v'))!
  const [, nchan] = /\t(?:\d+:)?([\d.]+)/.exec(said('dpkg-query', '--show', 'libnginx-mod-nchan')) ?? []
  return `nginx ${nginx} + nchan ${nchan}`
}

/** Starts nginx with one worker on a free port of loopback. @param http Returns its `http` section for that port; paths are relative to its folder. */
export async function startNginx (http: (port: number) => string): Promise<Nginx> {
  for (let attempt = 1; ; attempt++) {
    const folder = mkdtempSync(join(tmpdir(), 'nginx-'))
    const port = await freePort()
    const { child, errors } = run(folder, configuration(http(port)))
    const worker = await workerOf(child, port)
    if (worker !== undefined) return { port, folder, worker, stop: () => stop(child) }
    // Another process may take the free port before nginx does.
    if (attempt === ATTEMPTS || !errors().includes('Address already in use')) throw new Error(`nginx does not run: ${errors()}`)
  }
}

function configuration (http: string): string {
  // If root starts nginx, its workers run as another user, who cannot read the folder. Only root may set the user.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`).join('\n')
  return `load_module ${NCHAN};
${user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events { worker_connections 16384; }
http {
${folders}
access_log off;
${http}
}
`
}

/** Runs nginx on the processor that `BENCH_SERVER_CPU` names. It ends with this process, however that ends. */
function run (folder: string, text: string): { child: ChildProcess, errors: () => string } {
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, text)
  const { BENCH_SERVER_CPU: cpu } = process.env
  const command = ['setpriv', '--pdeathsig', 'TERM', ...cpu === undefined ? [] : ['taskset', '-c', cpu], NGINX, '-p', folder, '-c', file, '-e', 'stderr']
  const child = spawn(command[0]!, command.slice(1), { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  process.once('exit', () => {
    child.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => { said += piece })
  return { child, errors: () => said }
}

async function stop (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill()
  await once(child, 'exit')
}

/** Waits until nginx accepts connections. @returns The process ID of the worker; undefined if nginx has ended. */
async function workerOf (child: ChildProcess, port: number): Promise<number | undefined> {
  while (child.exitCode === null) {
    await setTimeout(LOOK_INTERVAL)
    const socket = connect(port, HOST)
    const isOpen = await new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)))
    socket.destroy()
    const [worker] = isOpen ? readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ') : []
    if (worker) return Number(worker)
  }
  return undefined
}
