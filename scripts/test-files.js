import { readdirSync } from 'node:fs'
import { join, sep } from 'node:path'

// These run programs with the Node that is on the path, or a compiler, which says the same on each Node and covers nothing.
const PROGRAMS = /^(package|docs|demo|types|typing|declarations|snippets|safe-promise)\.test\.ts$/

/**
 * Test files that run the source itself, in the process of the test.
 *
 * @param {readonly string[]} without Folders of `test` whose files are left out.
 */
export function testFiles (without) {
  return readdirSync('test', { recursive: true })
    .filter((path) => path.endsWith('.test.ts') && !without.includes(path.split(sep)[0]) && !PROGRAMS.test(path.split(sep).at(-1)))
    .map((path) => join('test', path))
}
