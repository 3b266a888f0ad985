import t from 'tap'
import { memoryBroker } from '../../lib/broker/memory-broker.ts'
import { brokerContract } from '../../testing/contract/broker-contract.ts'

for (const { title, check } of brokerContract({ createBroker: memoryBroker, isShared: false })) t.test(title, check)
