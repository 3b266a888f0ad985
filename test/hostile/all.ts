import { importTests } from '../support/one-process.ts'

await importTests(import.meta.dirname)
