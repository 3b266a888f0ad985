import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { check } from '../checks.js'
import { cjs, esm, LINES, RESULT } from '../programs.js'
import { run } from '../workplace.js'

const MANIFEST = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const { devDependencies: VERSIONS } = MANIFEST

// A dependency of Fastify requires a newer Node than Fastify does: strict managers would refuse Fastify for it.
const { overrides: OLDER } = MANIFEST

// A package of the registry that contains Node itself.
const NODE = `node-${process.platform}-${process.arch}`

/** The files of a project that has the plugin, Fastify and TypeBox. */
function filesOf ({ tarball }) {
  const types = LINES['@sinclair/typebox 0.34']
  return {
    'package.json': {
      name: 'consumer',
      private: true,
      dependencies: { fastify: VERSIONS.fastify, '@sinclair/typebox': VERSIONS['@sinclair/typebox'], 'fastify-typed-sse': `file:${tarball}` },
      overrides: OLDER,
      resolutions: OLDER,
      pnpm: { overrides: OLDER }
    },
    'main.mjs': esm(types),
    'main.cjs': cjs(types)
  }
}

export function checkManagers (workplace) {
  const tool = (path) => join(workplace.installed, path)
  const local = (name) => resolve(workplace.installed, '../..', name)

  /** @param {(folder: string, env: object) => Promise<string>} install Installs the project. */
  const checkInstall = (title, name, install, { env = {}, start = (program) => [process.execPath, [program]] } = {}) => {
    check(title, async () => {
      const folder = await workplace.project(name, filesOf(workplace))
      const said = await install(folder, env)
      assert.doesNotMatch(said, /fastify-typed-sse.*(unmet|incompatible|Unsupported)|EBADENGINE/i)
      for (const program of ['main.mjs', 'main.cjs']) {
        const [file, args] = start(program)
        assert.match(await run(folder, file, args, env), new RegExp(`^${RESULT.replaceAll('*', '\\*')}$`, 'm'), program)
      }
    })
  }

  check('npm installs the plugin with a prerelease of Fastify 6, and Node 24 runs it', async () => {
    const files = filesOf(workplace)
    const folder = await workplace.project('fastify-6', {
      ...files,
      'package.json': {
        private: true,
        dependencies: { ...files['package.json'].dependencies, fastify: VERSIONS.fastify6.replace('npm:fastify@', ''), [NODE]: '24' }
      }
    })
    await run(folder, 'npm', ['install', '--no-audit', '--no-fund'])
    assert.equal(await run(folder, join(folder, 'node_modules', NODE, 'bin/node'), ['main.mjs']), `${RESULT}\n`)
  })

  checkInstall('npm, strict about engines, installs the plugin', 'npm', async (folder) => {
    return run(folder, 'npm', ['install', '--engine-strict', '--no-audit', '--no-fund'])
  })

  checkInstall('pnpm, strict about engines and peers, installs the plugin', 'pnpm', async (folder) => {
    return run(folder, process.execPath, [tool('pnpm/bin/pnpm.cjs'), 'install', '--config.engine-strict=true', '--config.strict-peer-dependencies=true',
      '--store-dir', local('pnpm-store'), '--no-frozen-lockfile'])
  })

  checkInstall('yarn 1, strict about engines by default, installs the plugin', 'yarn-1', async (folder) => {
    return run(folder, process.execPath, [tool('yarn1/bin/yarn.js'), 'install', '--no-lockfile', '--non-interactive', '--cache-folder', local('yarn-cache')])
  })

  for (const linker of ['node-modules', 'pnp']) {
    const env = {
      YARN_NODE_LINKER: linker,
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
      YARN_ENABLE_TELEMETRY: 'false',
      YARN_ENABLE_GLOBAL_CACHE: 'false',
      YARN_IGNORE_PATH: 'true'
    }
    const yarn = () => tool('@yarnpkg/cli-dist/bin/yarn.js')
    checkInstall(`yarn 4 installs the plugin, linked by ${linker}`, `yarn-${linker}`, async (folder) => {
      const registry = (await run(folder, 'npm', ['config', 'get', 'registry'])).trim()
      return run(folder, process.execPath, [yarn(), 'install'], { ...env, YARN_NPM_REGISTRY_SERVER: registry })
    }, { env, start: (program) => [process.execPath, [yarn(), 'node', program]] })
  }
}
