import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { RedisBrokerOptions } from '../../../brokers/redis/index.ts'
import { redisBroker } from '../../../brokers/redis/index.ts'
import { createRecord } from '../../../testing/contract/contract-node.ts'
import { freePort } from '../../support/free-port.ts'
import { noRedis, RedisServer } from '../../support/redis.ts'
import { notInstalled } from '../../support/system.ts'
import { startNode, startOrder } from '../nodes.ts'

const skip = noRedis() && notInstalled('redis-server')

/** Proves that two nodes with these connections share everything, and begin anew after a flush. */
async function share (t: Test, server: RedisServer, connection: NonNullable<RedisBrokerOptions['connection']>): Promise<void> {
  const [one, two] = [await startNode(t, redisBroker({ connection })), await startNode(t, redisBroker({ connection }))]
  await one.broadcast('kept')
  await two.broadcast('ephemeral', true)
  for (const { reader } of [one, two]) await reader.upTo('ephemeral')
  while (await one.app.sse.countAll() < 2);
  await server.with((client) => client.flushall())
  for (const { reader } of [one, two]) await reader.until(() => reader.gaps.length > 0)
  await two.broadcast('after')
  for (const { reader, complaints } of [one, two]) {
    t.strictSame(await reader.upTo('after'), ['kept', 'ephemeral', 'gap: foreign', 'after'])
    t.strictSame(complaints, [])
  }
}

t.test('a user with no more rights than the documentation asks for is sufficient', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const [, command] = /^ *ACL (SETUSER .*)$/m.exec(readFileSync(new URL('../../../docs/scaling.md', import.meta.url), 'utf8'))!
  await server.with((client) => client.call('ACL', ...command!.split(' ')))
  const connection = `redis://app:secret@127.0.0.1:${server.port}`
  await share(t, server, connection)
  const { order, recorder } = await startOrder(t, redisBroker({ connection }), { keepFor: 60_000 })
  await order.publish(createRecord('in an order that expires'))
  t.equal(recorder.bodies.at(-1), 'in an order that expires')
})

t.test('a connection over TLS', { skip }, async (t) => {
  const [folder, port] = [t.testdir(), await freePort()]
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert
  ], { stdio: 'ignore' })
  const options = ['--tls-port', String(port), '--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert, '--tls-auth-clients', 'no']
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) }, options)
  await share(t, server, { host: '127.0.0.1', port, tls: { ca: readFileSync(cert) } })
})
