import { buildApp } from './app.ts'
import { createBroker } from './broker.ts'
import { HELP, readOptions, type Options } from './options.ts'
import { originsOf, portOf } from './origins.ts'
import { buildPages } from './pages.ts'

try {
  const options = readOptions(process.argv.slice(2), process.env)
  if (options.help) process.stdout.write(HELP)
  else await run(options)
} catch (error) {
  process.stderr.write(`${explain(error as NodeJS.ErrnoException)}\n`)
  process.exit(1)
}

async function run ({ host, port, otherPort, broker, logLevel }: Options): Promise<void> {
  const logger = { level: logLevel }
  let streamsPort = port
  const pages = await buildPages({ host, logger, streamsPort: () => streamsPort })
  await pages.listen({ host, port: otherPort })
  const app = await buildApp({ host, logger, pagesPort: portOf(pages), broker: await createBroker(broker) })
  await app.listen({ host, port })
  streamsPort = portOf(app)

  const [streams] = originsOf(host, streamsPort)
  app.log.info({ streams, pages: originsOf(host, portOf(pages))[0] }, `the demo is open: ${streams}`)

  let stopping = false
  const stop = (): void => {
    // npm and tsx both pass a signal on, so one Ctrl+C may arrive more than once.
    if (stopping) return
    stopping = true
    void Promise.all([app.close(), pages.close()])
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

function explain ({ code, message, port }: NodeJS.ErrnoException & { port?: number }): string {
  if (code === 'EADDRINUSE') return `Port ${port} is in use: stop the program that uses it, or choose another with --port or --other-port`
  return code?.startsWith('ERR_PARSE_ARGS') === true ? `${message.split('.')[0]}; --help lists the options` : message
}
