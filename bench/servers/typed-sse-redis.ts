import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createConnection } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { redisBroker } from 'fastify-typed-sse/redis'
import type { Address, Setup } from '../contract.ts'
import { freePort, HOST } from './listening.ts'
import TypedSse from './typed-sse.ts'

const LOOK_INTERVAL = 10

/** The plugin with its order in a Redis of its own, which writes no file. The CPU time of Redis does not count. */
export default class TypedSseRedis extends TypedSse {
  override readonly title = titleOfRedis()
  #redis: ChildProcess | undefined

  missing (): string | undefined {
    return spawnSync('redis-server', ['--version']).error === undefined ? undefined : 'redis-server is not installed: npm run setup:system'
  }

  override async start (setup: Setup): Promise<Address> {
    const port = await freePort()
    this.#redis = spawn('redis-server', ['--port', String(port), '--bind', HOST, '--save', ''], { stdio: 'ignore' })
    while (!await answers(port)) await setTimeout(LOOK_INTERVAL)
    this.broker = redisBroker({ connection: `redis://${HOST}:${port}` })
    return super.start(setup)
  }

  override async close (): Promise<void> {
    await super.close()
    this.#redis?.kill()
  }
}

function titleOfRedis (): string {
  const [, version = ''] = /v=([\d.]+)/.exec(spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? '') ?? []
  return `with redisBroker, Redis ${version}`
}

function answers (port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, HOST, () => socket.write('PING\r\n'))
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+PONG'))
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
  })
}
