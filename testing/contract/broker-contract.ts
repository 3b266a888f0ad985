import type { Broker } from '../../lib/broker/broker.ts'
import { ContractNode, type AddTest } from './contract-node.ts'
import { addTestsOfManyNodes, type EngineFaults } from './many-nodes.ts'
import { addTestsOfOneNode } from './one-node.ts'

// The contract of brokers as tests, for those who write one. docs/broker-contract.md explains it.

/** The access of the tests to a broker, and to its engine if it has one. */
export interface BrokerHarness extends EngineFaults {
  /** Creates a broker: one more node on the engine that all brokers of this harness share. */
  createBroker (): Broker
  /** False if each broker has orders of its own, so that there is only one node. @defaultValue true */
  readonly isShared?: boolean | undefined
}

/** One test of the contract. */
export interface BrokerTest {
  /** A claim about the broker. */
  readonly title: string
  /** Checks the claim. @throws AssertionError when it does not hold. */
  readonly check: () => Promise<void>
}

/**
 * The contract of brokers as a list of tests, for any test framework.
 *
 * @example for (const { title, check } of brokerContract({ createBroker: () => myBroker() })) void test(title, check)
 * @see docs/broker-contract.md
 */
export function brokerContract (harness: BrokerHarness): readonly BrokerTest[] {
  const tests: BrokerTest[] = []
  const run = `contract-${process.pid}-${Date.now().toString(36)}`
  const add: AddTest = (title, check) => {
    const name = `${run}-${tests.length}`
    tests.push({ title, check: () => withNodes(harness, (node) => check(node, name)) })
  }
  addTestsOfOneNode(add)
  if (harness.isShared !== false) addTestsOfManyNodes(add, harness)
  return tests
}

/** Runs a test, and closes its nodes. */
async function withNodes ({ createBroker }: BrokerHarness, check: (node: () => Promise<ContractNode>) => Promise<void>): Promise<void> {
  const nodes: ContractNode[] = []
  try {
    await check(async () => {
      const node = new ContractNode(createBroker())
      nodes.push(node)
      await node.broker.start({ down () {}, up () {}, skipped () {} })
      return node
    })
  } finally {
    for (const node of nodes) await node.close()
  }
}
