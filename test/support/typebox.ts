import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

// `typebox` 1.x has 700 small modules, each of which would pass the hooks of tsx and tap. `require` takes them from the disk at once, and a
// later `import` of the plugin gets the same modules.
const require = createRequire(import.meta.url)
const load = (name: string): unknown => require(fileURLToPath(import.meta.resolve(name)))

export const Next = load('typebox') as typeof import('typebox')
export const { Compile } = load('typebox/compile') as typeof import('typebox/compile')
export const { Format: NextFormats } = load('typebox/format') as typeof import('typebox/format')
