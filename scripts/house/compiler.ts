import { createRequire } from 'node:module'
import type typescript from 'typescript'

/** The TypeScript compiler. `require` loads it as it is, whereas tsx would transform its 9 MB for an import, which costs 0.5 s in each test file. */
export const ts = createRequire(import.meta.url)('typescript') as typeof typescript
