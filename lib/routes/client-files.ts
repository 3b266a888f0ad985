import { atRegistration, demand } from '../option-rules.ts'
import { browserFile, type BrowserFile } from './file-response.ts'
import { readPluginFiles } from './plugin-files.ts'

/** The files that are served beside the browser client, in the folder of its URL. */
export const BESIDE_CLIENT = ['client.js.map', 'fetch-transport.js', 'fetch-transport.js.map', 'refusals.js', 'refusals.js.map', 'sharing.js', 'sharing.js.map']

/**
 * Reads the browser client and the files that are served beside it.
 *
 * @param option The option that requires the client, for the error.
 * @param value The value of that option.
 * @throws FST_SSE_OPTION_INVALID when the client is not built.
 */
export async function readClientFiles (option: 'client' | 'inspector', value: string): Promise<[client: BrowserFile, ...beside: BrowserFile[]]> {
  const files = await readPluginFiles('browser')
  const read = (name: string): BrowserFile => {
    const body = files.get(name)
    atRegistration(() => demand(body !== undefined, option, 'false if the browser client is not built ("npm run build:client" builds it)', value))
    return browserFile(name, body!)
  }
  return [read('client.js'), ...BESIDE_CLIENT.map(read)]
}
