import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Address, Setup } from '../contract.ts'

// Addresses and routes that the servers have in common.

export const HOST = '127.0.0.1'
/** Thousands of readers connect at a time. */
export const BACKLOG = 8192
export const PATH = '/events'
/** The route of Fastify for the stream without channels, and for each channel. */
export const ROUTE = '/events/:channel?'

export interface ChannelRoute {
  Params: { channel?: string }
}

export function createApp ({ http2 }: Setup): FastifyInstance {
  return http2 ? Fastify({ http2: true }) as unknown as FastifyInstance : Fastify({ forceCloseConnections: true })
}

export async function listenWith (app: FastifyInstance, setup: Setup): Promise<Address> {
  await app.listen({ host: HOST, port: 0, backlog: BACKLOG })
  return addressOf(app.server, setup)
}

export async function listenOn (server: Server, setup: Setup): Promise<Address> {
  server.listen({ host: HOST, port: 0, backlog: BACKLOG })
  await once(server, 'listening')
  return addressOf(server, setup)
}

function addressOf (server: Server, { channels }: Setup): Address {
  return { port: (server.address() as AddressInfo).port, path: channels === 0 ? PATH : `${PATH}/`, pids: [] }
}

/** Finds a free port, for a program that cannot choose one itself. Another program may take it first. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
