import { setTimeout as sleep } from 'node:timers/promises'
import { Child, Collapse } from './child.ts'
import type { Address, AskedOfServer, Plan, Report, Setup, ToldByServer } from '../contract.ts'
import type { Cores } from './cores.ts'
import type { AskedOfLoad, Counts, Crowd, ToldByLoad, Visits } from '../load/messages.ts'
import { cpuOf, forgetPeak, peakOf, residentOf, type Cpu } from './measure.ts'

const START_LIMIT = 15_000
const OPEN_LIMIT = 60_000
const ANSWER_LIMIT = 5000
/** The limit for the report, the last reply of a server. */
const REPORT_LIMIT = 2000
/** The old generation of a server's heap, in MB. */
const HEAP = 2048
/** Resident bytes at which the bench ends a server: buffers are outside the heap. */
const RESIDENT_LIMIT = 6 * 2 ** 30
const WATCH_INTERVAL = 100
const LULL = 20

export const PLAIN: Setup = { http2: false, compress: false, heartbeatInterval: false, channels: 0 }

/** A cell of a table: one server, started for this measurement, and its readers. */
export class Cell {
  readonly server: Child<AskedOfServer, ToldByServer>
  readonly load: Child<AskedOfLoad, ToldByLoad>
  /** Remarks that stand beside the figures in the table. */
  readonly notes = new Set<string>()
  #address: Address = { port: 0, path: '', pids: [] }
  readonly #watch = setInterval(() => this.#look(), WATCH_INTERVAL)

  constructor (name: string, cores: Cores) {
    this.server = new Child('the server', '../process/server-process.js', [name], cores.server, ['--expose-gc', `--max-old-space-size=${HEAP}`])
    this.load = new Child('the load side', '../load/load-process.js', [], cores.load)
  }

  async start (setup: Setup): Promise<void> {
    const { address } = await this.server.ask({ setup }, 'listening', START_LIMIT)
    this.#address = address
  }

  /** Opens the readers. Refused readers, and readers without a response, become a note. */
  async open (crowd: Omit<Crowd, 'port' | 'path'>): Promise<void> {
    const { port, path } = this.#address
    const { refused } = await this.load.ask({ connect: { ...crowd, port, path } }, 'open', OPEN_LIMIT)
    if (refused > 0) this.notes.add(`refused ${refused} readers`)
  }

  async visit (visits: Omit<Visits, 'port' | 'path'>): Promise<Extract<ToldByLoad, { what: 'visited' }>> {
    const { port, path } = this.#address
    return this.load.ask({ visit: { ...visits, port, path } }, 'visited', visits.seconds * 1000 + START_LIMIT)
  }

  async begin (): Promise<void> {
    this.load.tell('begin')
    await this.counts()
    await this.server.ask('begin', 'began', ANSWER_LIMIT)
    // The watch of the event loop needs one sample before it can see a delay.
    await sleep(LULL)
    forgetPeak(this.pids)
  }

  publish (plan: Plan): void {
    this.server.tell({ publish: plan })
  }

  async counts (): Promise<Counts> {
    return (await this.load.ask('report', 'report', OPEN_LIMIT)).counts
  }

  /** Asks the server for its report. Undefined: the server did not reply, which becomes a note, and was ended. */
  async report (): Promise<Report | undefined> {
    try {
      return (await this.server.ask('report', 'report', REPORT_LIMIT)).report
    } catch (error) {
      this.note(error, `its event loop answered nothing for ${REPORT_LIMIT / 1000} s`)
      this.server.kill()
      return undefined
    }
  }

  async memory (): Promise<number> {
    return (await this.server.ask('memory', 'memory', START_LIMIT)).rss
  }

  /** Notes a collapse: how the server ended, or, if it has not, the text or the error's message. Throws any other error. */
  note (error: unknown, text?: string): void {
    if (!(error instanceof Collapse)) throw error
    if (this.server.end === undefined) this.notes.add(text ?? error.message)
    else this.notes.add(this.server.end)
  }

  /** True if another process serves: then the event loop of the publishing process says nothing about the server. */
  get servesElsewhere (): boolean {
    return this.#address.pids.length > 0
  }

  get pids (): readonly number[] {
    return this.servesElsewhere ? this.#address.pids : [this.server.pid]
  }

  get cpu (): Cpu | undefined {
    return cpuOf(this.pids)
  }

  get resident (): number | undefined {
    return residentOf(this.pids)
  }

  get peak (): number | undefined {
    return peakOf(this.pids)
  }

  async end (): Promise<void> {
    clearInterval(this.#watch)
    await Promise.all([this.server.stop('stop'), this.load.stop()])
    // Bytes that are still on their way through the kernel must not disturb the next cell.
    await sleep(5 * LULL)
  }

  #look (): void {
    if ((this.resident ?? 0) < RESIDENT_LIMIT) return
    this.notes.add('ended by the bench at 6 GB')
    this.server.kill()
  }
}
