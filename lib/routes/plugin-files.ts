import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Reads the files for browsers from a folder of this repository. The published package has a module with the contents of the files instead of
 * this one (scripts/build.js), because a bundled server has no folders, and some package managers store packages as zip archives.
 *
 * @returns The files by their path below the folder, with "/" as separator; empty if the folder does not exist.
 */
export async function readPluginFiles (folder: 'browser' | 'public/inspector'): Promise<ReadonlyMap<string, Buffer>> {
  const root = fileURLToPath(new URL(`../../${folder}/`, import.meta.url))
  try {
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
    return new Map(await Promise.all(paths.map(async (path) => [relative(root, path).replaceAll(sep, '/'), await readFile(path)] as const)))
  } catch (error) {
    // Not tested: the tests need both folders.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
}
