import type { AddressInfo } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import type { FastifyInstance } from 'fastify'

/** Every origin under which a browser may reach a server that listens on this host and port. The first one is for display. */
export function originsOf (host: string, port: number): string[] {
  return namesOf(host).map((name) => `http://${name.includes(':') ? `[${name}]` : name}:${port}`)
}

/** The port that an application listens on. */
export function portOf (app: FastifyInstance): number {
  return (app.server.address() as AddressInfo).port
}

function namesOf (host: string): string[] {
  const loopback = ['localhost', '127.0.0.1']
  if (loopback.includes(host)) return [...new Set([host, ...loopback])]
  if (host !== '0.0.0.0' && host !== '::') return [host]
  // IPv4 only: a Content-Security-Policy cannot name IPv6 addresses.
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []).filter(({ family }) => family === 'IPv4')
  return [...new Set([...loopback, hostname(), ...addresses.map(({ address }) => address)])]
}
