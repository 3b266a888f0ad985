import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const HERE = import.meta.dirname
const ROOT = resolve(HERE, '../..')

const execute = promisify(execFile)

/** Runs a program. @returns Its standard output. @throws with all of its output when it fails. */
export async function run (folder, file, args, env = {}) {
  try {
    const { stdout } = await execute(file, args, { cwd: folder, env: { ...process.env, CI: 'true', ...env }, maxBuffer: 2 ** 24 })
    return stdout
  } catch (error) {
    throw new Error(`${file} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? error.message}`.trim())
  }
}

export const node = (folder, ...args) => run(folder, process.execPath, args)

/** Creates a folder for each consumer, and removes all of them after the checks. */
export class Workplace {
  #folder
  tarball = ''

  async open () {
    this.#folder = await mkdtemp(join(tmpdir(), 'consumers-'))
    await run(ROOT, 'npm', ['pack', '--silent', '--pack-destination', this.#folder])
    const { name, version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
    this.tarball = join(this.#folder, `${name}-${version}.tgz`)
    const installed = join(this.#folder, 'installed')
    await mkdir(installed)
    for (const name of ['package.json', 'package-lock.json']) await cp(join(HERE, name), join(installed, name))
    await run(installed, 'npm', ['ci', '--no-audit', '--no-fund', '--silent'])
    await run(installed, 'npm', ['install', '--no-save', '--no-audit', '--no-fund', '--silent', this.tarball])
    this.installed = join(installed, 'node_modules')
    return this
  }

  /**
   * Creates a project with these files. An object becomes the JSON of its file.
   *
   * @param {string[]} [without] The installed packages to leave out; undefined: no package is installed.
   */
  async project (name, files, without) {
    const folder = join(this.#folder, name)
    await mkdir(folder)
    if (without !== undefined) {
      await run(folder, 'cp', ['-al', this.installed, 'node_modules'])
      for (const name of without) await rm(join(folder, 'node_modules', name), { recursive: true })
    }
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content))
    }
    return folder
  }

  async close () {
    await rm(this.#folder, { recursive: true, force: true })
  }
}
