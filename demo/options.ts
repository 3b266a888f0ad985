import { parseArgs } from 'node:util'
import { BROKERS, isBroker } from './broker.ts'

export interface Options {
  readonly port: number
  readonly otherPort: number
  readonly host: string
  readonly broker: string
  readonly logLevel: string
  readonly help: boolean
}

export const HELP = `The demo of fastify-typed-sse: live, typed events in your browser.

  npm start -- [options]

  option          environment       default
  --port          DEMO_PORT         8080       the server of the event streams, and its pages; 0: any free port
  --other-port    DEMO_OTHER_PORT   8081       a second origin that serves the same pages; 0: any free port
  --host          DEMO_HOST         localhost  the address that both servers listen on: 0.0.0.0 admits other machines
  --broker        DEMO_BROKER       memory     what places and keeps the events: ${BROKERS}
  --log-level     DEMO_LOG_LEVEL    info       trace, debug, info, warn, error, fatal or silent
  --help, -h                                   prints this text
`

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** @throws an Error that names the option, its rule and its value. */
export function readOptions (args: string[], environment: NodeJS.ProcessEnv): Options {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: environment.DEMO_PORT ?? '8080' },
      'other-port': { type: 'string', default: environment.DEMO_OTHER_PORT ?? '8081' },
      host: { type: 'string', default: environment.DEMO_HOST ?? 'localhost' },
      broker: { type: 'string', default: environment.DEMO_BROKER ?? 'memory' },
      'log-level': { type: 'string', default: environment.DEMO_LOG_LEVEL ?? 'info' },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  return {
    port: readPort('port', values.port),
    otherPort: readPort('other-port', values['other-port']),
    host: values.host,
    broker: readBroker(values.broker),
    logLevel: readLogLevel(values['log-level']),
    help: values.help
  }
}

function readPort (option: string, text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new Error(`--${option} is a number from 0 to 65535; it is "${text}"`)
  return Number(text)
}

function readBroker (text: string): string {
  if (!isBroker(text)) throw new Error(`--broker is ${BROKERS}; it is "${text}"`)
  return text
}

function readLogLevel (level: string): string {
  if (!LOG_LEVELS.includes(level)) throw new Error(`--log-level is one of ${LOG_LEVELS.join(', ')}; it is "${level}"`)
  return level
}
