import { connect } from 'node:net'
import { NumberedReader } from '../flows/numbered-reader.ts'
import { RawReader } from '../flows/raw-reader.ts'
import { obey } from './program.ts'

// Readers in a separate process, which may have a separate network.

interface Heard {
  /** Type and data of every event, in order. */
  readonly events: ReadonlyArray<readonly [event: string, data: string]>
  readonly closed: boolean
}

export interface Counted {
  readonly first: number | undefined
  readonly last: number | undefined
  readonly count: number
  readonly gaps: number
  readonly faults: readonly string[]
  readonly closed: boolean
}

const raw: RawReader[] = []
const numbered: NumberedReader[] = []

const commands = {
  /** @returns The number of the reader. */
  async open (host: string, port: number, path: string): Promise<number> {
    const reader = new RawReader(connect(port, host))
    await reader.ask(`GET ${path}`).seesEvents('sse.open')
    return raw.push(reader) - 1
  },

  heard (reader: number): Heard {
    const { events, closed } = raw[reader]!
    return { events: events.map(({ event = 'message', data }) => [event, data]), closed }
  },

  /** Opens a reader of numbered events on loopback. */
  openNumbered (port: number, path: string, fill: number): void {
    numbered.push(new NumberedReader(port, fill).connect({ path }))
  },

  /** Opens readers on loopback that never read, each with its own channel. */
  openStalled (port: number, count: number): void {
    for (let n = 0; n < count; n++) connect(port, '127.0.0.1').pause().write(`GET /events?channel=own${n} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  },

  counted: (): Counted[] => numbered.map(({ first, last, count, gaps, faults, closed }) => ({ first, last, count, gaps: gaps.length, faults, closed }))
}

export type ReaderCommands = typeof commands

obey(commands)
