/** Settings of fast-check: how often to try a property. In CI that is `all`, and a third of it where people wait for the result. */
export function tries (all: number): { numRuns: number } {
  return { numRuns: process.env.CI === undefined ? Math.ceil(all / 3) : all }
}
