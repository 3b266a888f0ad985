// node scripts/check.js: what a contributor runs before a push: the linters beside the tests without browsers, one of which checks all types.
import { spawn } from 'node:child_process'

/**
 * Runs a script of package.json.
 *
 * @param {boolean} [quietly] Prints its output when it ends, so that two that run at a time do not mix theirs.
 * @returns {Promise<boolean>} Whether it passed.
 */
function run (script, quietly = false) {
  const began = performance.now()
  if (!quietly) console.log(`--- ${script}`)
  const child = spawn('npm', ['run', '--silent', script], { stdio: quietly ? ['ignore', 'pipe', 'pipe'] : 'inherit', shell: process.platform === 'win32' })
  const output = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (piece) => output.push(piece))
  return new Promise((resolve) => child.on('close', (code) => {
    if (quietly) console.log(`--- ${script}`)
    process.stdout.write(Buffer.concat(output))
    console.log(`--- ${script} ${code === 0 ? 'passed' : 'FAILED'} in ${Math.round((performance.now() - began) / 1000)} s`)
    resolve(code === 0)
  }))
}

const passed = await Promise.all([run('lint', true), run('test:quick')])
if (passed.includes(false)) process.exitCode = 1
