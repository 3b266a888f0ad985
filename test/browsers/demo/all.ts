import { importTests } from '../../support/one-process.ts'
import { sharingBrowsers } from '../browsers.ts'

await sharingBrowsers(() => importTests(import.meta.dirname))
