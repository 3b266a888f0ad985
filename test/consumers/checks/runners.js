import { check } from '../checks.js'
import { cjs, esm, LINES, RESULT } from '../programs.js'
import { node } from '../workplace.js'

const TEST = `test('it serves', async () => { expect(await main()).toBe('${RESULT}') })`

// Fastify neither starts nor answers if these two are faked.
const FAKED = "{ doNotFake: ['nextTick', 'queueMicrotask'] }"

export function checkRunners (workplace) {
  const types = LINES['@sinclair/typebox 0.34']
  const jest = 'node_modules/jest/bin/jest.js'

  check('jest runs the plugin as CommonJS, with real and with fake timers', async () => {
    const folder = await workplace.project('jest-cjs', {
      'package.json': { private: true },
      'main.test.js': cjs(types, TEST),
      'faked.test.js': cjs(types, `${TEST}\nbeforeEach(() => jest.useFakeTimers(${FAKED}))\nafterEach(() => jest.useRealTimers())`)
    }, [types.absent])
    await node(folder, jest)
  })

  for (const [line, types] of Object.entries(LINES)) {
    const suffix = types.absent.replace('/', '-')

    check(`jest runs the plugin as ES modules, with ${line}`, async () => {
      const manifest = { private: true, type: 'module', jest: { transform: {} } }
      const folder = await workplace.project(`jest-esm-${suffix}`, { 'package.json': manifest, 'main.test.js': esm(types, TEST) }, [types.absent])
      await node(folder, '--experimental-vm-modules', jest)
    })

    check(`vitest runs the plugin, with ${line}, with real and with fake timers`, async () => {
      const test = `import { afterEach, beforeEach, expect, test, vi } from 'vitest'\n${esm(types, TEST)}`
      const folder = await workplace.project(`vitest-${suffix}`, {
        'package.json': { type: 'module' },
        'main.test.js': test,
        'faked.test.js': `${test}\nbeforeEach(() => vi.useFakeTimers())\nafterEach(() => vi.useRealTimers())`
      }, [types.absent])
      await node(folder, 'node_modules/vitest/vitest.mjs', 'run')
    })
  }
}
