import neostandard from 'neostandard'

const TIMERS = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'queueMicrotask', 'performance']

export default [
  ...neostandard({ ts: true, ignores: ['dist/', 'browser/', '.tap/', 'bench/dist/'] }),
  {
    rules: {
      '@stylistic/max-len': ['error', { code: 160, ignoreUrls: true, ignoreTemplateLiterals: true, ignoreStrings: true, ignoreRegExpLiterals: true }],
      'no-void': 'off'
    }
  },
  {
    files: ['plugin.ts', 'lib/**', 'testing/**'],
    ignores: ['lib/time/timers.ts'],
    rules: {
      'no-restricted-globals': ['error', ...TIMERS.map((name) => ({ name, message: 'Use lib/time/timers.ts: a test that fakes the global would stop every stream.' }))],
      'no-restricted-imports': ['error', ...['node:timers', 'node:timers/promises', 'node:perf_hooks'].map((name) => ({ name, message: 'Use lib/time/timers.ts.' }))]
    }
  }
]
