import assert from 'node:assert/strict'
import { check } from '../checks.js'
import { LINES, typed } from '../programs.js'
import { node } from '../workplace.js'

const COMPILERS = {
  'TypeScript 5.6': { name: 'typescript56', minor: 5.6 },
  'TypeScript 5.9': { name: 'typescript59', minor: 5.9 },
  'TypeScript 6': { name: 'typescript6', minor: 6 },
  'TypeScript 7': { name: 'typescript7', minor: 7 }
}

// Libraries are checked in one of them: it takes as long as all else.
const SETTINGS = [
  { title: 'node16', options: { module: 'node16' } },
  { title: 'nodenext', options: { module: 'nodenext', skipLibCheck: false } },
  { title: 'node20', options: { module: 'node20' }, since: 5.9 },
  { title: 'a bundler', options: { module: 'esnext', moduleResolution: 'bundler' } },
  { title: 'a bundler, to CommonJS', options: { module: 'commonjs', moduleResolution: 'bundler' }, since: 6 }
]

/** A program of CommonJS modules has `typebox` 1.x, which is none, only where the compiler knows that Node can require it. */
function canLoad ({ title }, format, line, minor) {
  return format === 'module' || line !== 'typebox 1.x' || (title !== 'node16' && minor >= 5.9)
}

export function checkCompilers (workplace) {
  for (const [line, types] of Object.entries(LINES)) {
    const project = prepared(workplace, types)
    for (const [compiler, { name, minor }] of Object.entries(COMPILERS)) {
      check(`${compiler} compiles it, with ${line} alone`, async () => {
        const folder = await project()
        const problems = []
        for (const format of ['module', 'commonjs']) {
          for (const setting of SETTINGS.filter((setting) => (setting.since ?? 0) <= minor && canLoad(setting, format, line, minor))) {
            const config = `${format}/tsconfig.${setting.title.replaceAll(/\W+/g, '-')}.json`
            await node(folder, `node_modules/${name}/bin/tsc`, '-p', config).catch(({ message }) => problems.push(`${setting.title}, type ${format}: ${message}`))
          }
        }
        assert.equal(problems.join('\n'), '')
      })
    }
  }
}

function prepared (workplace, types) {
  let project
  const files = Object.fromEntries(['module', 'commonjs'].flatMap((format) => [
    [`${format}/package.json`, { type: format }],
    [`${format}/main.ts`, typed(types)],
    ...SETTINGS.map(({ title, options }) => [`${format}/tsconfig.${title.replaceAll(/\W+/g, '-')}.json`, {
      compilerOptions: { target: 'es2022', strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: true, types: ['node'], ...options },
      files: ['main.ts']
    }])
  ]))
  return () => {
    project ??= workplace.project(`compile-${types.absent.replace('/', '-')}`, files, [types.absent])
    return project
  }
}
