import { readFileSync } from 'node:fs'

/** Returns the name and the version of a library, for the tables. */
export function titleOf (library: string): string {
  const { version } = JSON.parse(readFileSync(new URL(`../../node_modules/${library}/package.json`, import.meta.url), 'utf8')) as { version: string }
  return `${library} ${version}`
}
