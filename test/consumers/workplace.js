import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const HERE = import.meta.dirname
const ROOT = resolve(HERE, '../..')

const execute = promisify(execFile)

/** Runs a program and gives what it printed. Anything but success is an error that shows all of it. */
export async function run (folder, file, args, env = {}) {
  try {
    const { stdout } = await execute(file, args, { cwd: folder, env: { ...process.env, CI: 'true', ...env }, maxBuffer: 2 ** 24 })
    return stdout
  } catch (error) {
    throw new Error(`${file} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? error.message}`.trim())
  }
}

export const node = (folder, ...args) => run(folder, process.execPath, args)

/** A folder of its own for each consumer, all of them gone when the checks are over. */
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
   * A project of some files. A package.json is made of an object.
   *
   * @param {string[]} [without] The installed packages that this project is not to have. Undefined: it has none at all.
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
