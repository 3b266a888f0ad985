// Runs checks two at a time and reports them in the Test Anything Protocol.

const MOST_AT_ONCE = 2

const checks = []

/** @param {() => Promise<void>} run Rejects if the check fails; the message of the error is shown. */
export function check (title, run) {
  checks.push({ title, run })
}

/** @param {string} pattern Only checks whose title contains it run. */
export async function runChecks (pattern) {
  let count = 0
  const waiting = checks.filter(({ title }) => title.includes(pattern))
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const problem = await next.run().then(() => undefined, (error) => error.message)
      count++
      console.log(`${problem === undefined ? 'ok' : 'not ok'} ${count} - ${next.title}`)
      if (problem === undefined) continue
      console.log(problem.replaceAll(/^/gm, '  # '))
      process.exitCode = 1
    }
  }
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, work))
  console.log(`1..${count}`)
}
