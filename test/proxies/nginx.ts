import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { notInstalled } from '../support/system.ts'
import type { AfterTest } from '../flows/raw-reader.ts'

// nginx in front of a server, as a child of the test, with the defaults of nginx for everything that a test does not set.

const NGINX = '/usr/sbin/nginx'
const ATTEMPTS = 5

/** The reason to skip a test that needs nginx, or false. */
export const skip = existsSync(NGINX) ? false : notInstalled('nginx')

export interface Proxy {
  readonly port: number
  /** The error log so far. */
  errors (): string
}

/** Runs nginx on a free port of loopback until the test ends. @param locations The body of its server block. @param http Other directives. */
export async function startNginx (t: AfterTest, locations: string, http = ''): Promise<Proxy> {
  for (let attempt = 1; ; attempt++) {
    const folder = mkdtempSync(join(tmpdir(), 'nginx-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const port = await freePort()
    const nginx = run(t, folder, configuration(port, locations, http))
    if (await listens(nginx.child, port)) return { port, errors: nginx.errors }
    // A port that was free may be taken a moment later.
    if (attempt === ATTEMPTS || !nginx.errors().includes('Address already in use')) throw new Error(`nginx does not run: ${nginx.errors()}`)
  }
}

/** A location for all paths that passes requests to a port of loopback, with further directives. */
export function passTo (port: number, ...directives: string[]): string {
  return `location / {\nproxy_pass http://127.0.0.1:${port};\n${directives.join('\n')}\n}`
}

/** HTTP/1.1 to the server; the default is HTTP/1.0. */
export const HTTP_1_1 = 'proxy_http_version 1.1; proxy_set_header Connection "";'

// Paths are relative to the prefix of nginx.
function configuration (port: number, locations: string, http: string): string {
  // Workers of an nginx that root starts run as another user, who cannot read the folder. Only root may set `user`.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`).join('\n')
  return `${user}
daemon off;
pid nginx.pid;
error_log stderr;
events {}
http {
${folders}
access_log off;
${http}
server {
listen 127.0.0.1:${port};
${locations}
}
}
`
}

function run (t: AfterTest, folder: string, text: string): { child: ChildProcess, errors: () => string } {
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, text)
  const child = spawn(NGINX, ['-p', folder, '-c', file, '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(child, 'exit')
  const stop = (): void => { child.kill() }
  // A test that times out does not run `after`.
  process.once('exit', stop)
  t.after(async () => {
    process.off('exit', stop)
    stop()
    await exited
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => { said += piece })
  return { child, errors: () => said }
}

/** @returns True once nginx accepts connections, false if it has ended. */
async function listens (child: ChildProcess, port: number): Promise<boolean> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)))
    socket.destroy()
    if (isOpen) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}
