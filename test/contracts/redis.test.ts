import t from 'tap'
import { redisBroker } from '../../brokers/redis/index.ts'
import { brokerContract } from '../../testing/contract/broker-contract.ts'
import { noRedis, RedisServer } from '../support/redis.ts'
import { notInstalled } from '../support/system.ts'

const skip = noRedis() && notInstalled('redis-server')

t.test('the Redis broker keeps the contract', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) }, ['--appendonly', 'yes', '--appendfsync', 'always'])
  const contract = brokerContract({
    createBroker: () => redisBroker({ connection: server.url }),
    stopEngine: () => server.kill(),
    startEngine: () => server.start(),
    loseHistory: () => server.with(async (client) => { await client.flushall() })
  })
  for (const { title, check } of contract) await t.test(title, check)
})
