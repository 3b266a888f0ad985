import { check } from '../checks.js'
import { cjs, esm, LINES, RESULT } from '../programs.js'
import { node } from '../workplace.js'

const TEST = `test('it serves', async () => { expect(await main()).toBe('${RESULT}') })`

export function checkRunners (workplace) {
  const types = LINES['@sinclair/typebox 0.34']
  const jest = 'node_modules/jest/bin/jest.js'

  check('jest runs it as CommonJS', async () => {
    const folder = await workplace.project('jest-cjs', { 'package.json': { private: true }, 'main.test.js': cjs(types, TEST) }, [types.absent])
    await node(folder, jest)
  })

  for (const [line, types] of Object.entries(LINES)) {
    const suffix = types.absent.replace('/', '-')

    check(`jest runs it as ES modules, with ${line}`, async () => {
      const manifest = { private: true, type: 'module', jest: { transform: {} } }
      const folder = await workplace.project(`jest-esm-${suffix}`, { 'package.json': manifest, 'main.test.js': esm(types, TEST) }, [types.absent])
      await node(folder, '--experimental-vm-modules', jest)
    })

    check(`vitest runs it, with ${line}`, async () => {
      const test = `import { expect, test } from 'vitest'\n${esm(types, TEST)}`
      const folder = await workplace.project(`vitest-${suffix}`, { 'package.json': { type: 'module' }, 'main.test.js': test }, [types.absent])
      await node(folder, 'node_modules/vitest/vitest.mjs', 'run')
    })
  }
}
