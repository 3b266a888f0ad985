import assert from 'node:assert/strict'
import { check } from '../checks.js'
import { checked, LINES, required, typed } from '../programs.js'
import { node } from '../workplace.js'

const COMPILERS = [
  { title: 'TypeScript 5.6', name: 'typescript56', version: 5.6 },
  { title: 'TypeScript 5.9', name: 'typescript59', version: 5.9 },
  { title: 'TypeScript 6', name: 'typescript6', version: 6 },
  { title: 'TypeScript 7', name: 'typescript7', version: 7 }
]

const MODULE = 'module/main.ts'
const COMMONJS = ['commonjs/main.ts', 'commonjs/required.ts', 'commonjs/checked.js']

const ALWAYS = {
  target: 'es2022',
  strict: true,
  exactOptionalPropertyTypes: true,
  allowJs: true,
  checkJs: true,
  declaration: true,
  noEmit: true,
  skipLibCheck: true,
  types: ['node']
}

// Extra settings run with TypeBox 0.34 only. One setting also checks libraries, which takes as long as everything else; another one does in
// the oldest and the newest compiler.
const SETTINGS = [
  { title: 'nodenext-module', options: { module: 'nodenext', skipLibCheck: false }, files: [MODULE] },
  { title: 'nodenext-commonjs', options: { module: 'nodenext' }, files: COMMONJS, versions: [5.9, 6] },
  { title: 'nodenext-commonjs-libraries', options: { module: 'nodenext', skipLibCheck: false }, files: COMMONJS, versions: [5.6, 7] },
  { title: 'bundler-module', options: { module: 'esnext', moduleResolution: 'bundler' }, files: [MODULE] },
  { title: 'bundler-commonjs', options: { module: 'commonjs', moduleResolution: 'bundler' }, files: COMMONJS, since: 6, isExtra: true },
  { title: 'node16-both', options: { module: 'node16' }, files: [MODULE, ...COMMONJS], isExtra: true },
  { title: 'node20-both', options: { module: 'node20' }, files: [MODULE, ...COMMONJS], since: 5.9, isExtra: true }
]

function settingsOf (line, version) {
  const isNext = line === 'typebox 1.x'
  return SETTINGS
    .filter(({ since = 0, isExtra = false, versions = [version] }) => since <= version && !(isExtra && isNext) && versions.includes(version))
    // `typebox` 1.x is an ES module: compilers before 5.8 do not know that Node can require it.
    .filter(({ title }) => !(isNext && title.startsWith('nodenext-commonjs') && version < 5.8))
}

export function checkCompilers (workplace) {
  for (const [line, types] of Object.entries(LINES)) {
    const project = prepared(workplace, types)
    for (const { title, name, version } of COMPILERS) {
      check(`${title} compiles programs with the plugin and ${line} alone`, async () => {
        const folder = await project()
        const problems = []
        for (const setting of settingsOf(line, version)) {
          await node(folder, `node_modules/${name}/bin/tsc`, '-p', `${setting.title}.json`).catch(({ message }) => problems.push(message))
        }
        assert.equal(problems.join('\n'), '')
      })
    }
  }
}

/** One project for all compilers, created when the first of them needs it. */
function prepared (workplace, types) {
  let project
  const files = {
    [MODULE]: typed(types),
    'commonjs/main.ts': typed(types),
    'commonjs/required.ts': required(types),
    'commonjs/checked.js': checked(types),
    'module/package.json': { type: 'module' },
    'commonjs/package.json': { type: 'commonjs' },
    ...Object.fromEntries(SETTINGS.map(({ title, options, files }) => [`${title}.json`, {
      compilerOptions: { ...ALWAYS, ...options },
      files
    }]))
  }
  return () => {
    project ??= workplace.project(`compile-${types.absent.replace('/', '-')}`, files, [types.absent])
    return project
  }
}
