import type { ForkOptions } from 'node:child_process'

/**
 * Options of `fork` for a program in TypeScript.
 *
 * Without the NODE_OPTIONS that tap sets: its hook makes a start a quarter dearer, and c8 counts coverage without it.
 */
export const TYPESCRIPT = {
  execArgv: ['--import', new URL('preload.js', import.meta.url).href, '--import', 'tsx/esm'],
  env: { ...process.env, NODE_OPTIONS: '' }
} satisfies ForkOptions

/** The same for a program whose memory is measured: coverage takes memory to count. */
export const MEASURED = {
  ...TYPESCRIPT,
  env: { ...TYPESCRIPT.env, NODE_V8_COVERAGE: undefined }
} satisfies ForkOptions
