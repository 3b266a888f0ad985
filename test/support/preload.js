import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

// Loads the TypeBox of most tests, whose 270 small modules would each pass the hooks of tsx and tap. `require` takes ES modules from the
// disk at once, and a later `import` gets the same modules.
const require = createRequire(import.meta.url)
for (const name of ['@sinclair/typebox', '@sinclair/typebox/compiler']) require(fileURLToPath(import.meta.resolve(name)))
