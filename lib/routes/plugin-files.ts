import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Reads the files of this plugin that browsers get from the folders of this repository. In the published package a module that holds
 * them stands in place of this one (scripts/build.js): a bundled server has no folders, and a zip archive of a package manager no files.
 *
 * @returns The files by their path below the folder, with "/" in it; none where there is no such folder.
 */
export async function readPluginFiles (folder: 'browser' | 'public/inspector'): Promise<ReadonlyMap<string, Buffer>> {
  const root = fileURLToPath(new URL(`../../${folder}/`, import.meta.url))
  try {
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
    return new Map(await Promise.all(paths.map(async (path) => [relative(root, path).replaceAll(sep, '/'), await readFile(path)] as const)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
}
