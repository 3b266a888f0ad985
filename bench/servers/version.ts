import { readFileSync } from 'node:fs'

/** A library and its version, as the table names it. */
export function titleOf (library: string): string {
  const { version } = JSON.parse(readFileSync(new URL(`../../node_modules/${library}/package.json`, import.meta.url), 'utf8')) as { version: string }
  return `${library} ${version}`
}
