// npm run draw: writes docs/architecture.svg, the picture of the folders and of the two flows.
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { drawHouse } from './house/drawing.ts'

const root = resolve(import.meta.dirname, '..')
writeFileSync(resolve(root, 'docs/architecture.svg'), drawHouse(root))
