/**
 * The reason to skip a test that needs a program which is not installed.
 *
 * @returns False when nothing may be skipped (`REQUIRE_SYSTEM=1`, as in CI): the test then runs, and fails.
 */
export function notInstalled (program: string): string | false {
  return process.env.REQUIRE_SYSTEM === '1' ? false : `${program} is not installed: run \`npm run setup:system\``
}
