import { monotonicTime, setImmediate, setTimeout } from '../../lib/time/timers.ts'
import type { Database } from './driver.ts'
import { untilNextTry } from './locks.ts'
import { isLocked, isNotWritable } from './result-codes.ts'
import { transact } from './transactions.ts'

/** A transaction that waits for its turn. */
export interface Transaction<T> {
  /** Called again if the transaction was undone because of a lock. */
  run (): T
  /** Makes the result if the file cannot be written now; absent: the call rejects. */
  failed? (error: unknown): T
}

interface Call {
  readonly transactions: ReadonlyArray<Transaction<unknown>>
  readonly results: unknown[]
  resolve (results: unknown[]): void
  reject (error: unknown): void
}

// Milliseconds. After a longer transaction the queue pauses, so that other processes find a moment without a lock.
const LONG = 1

/** Runs transactions one after the other, in the order of the calls. The event loop runs between two of them. */
export class WriteQueue {
  readonly #database: Database
  readonly #committed: () => void
  readonly #lost: (error: unknown) => void
  #calls: Call[] = []
  #isRunning = false
  #end: { readonly cause: unknown } | undefined

  /** @param committed Called after each transaction. @param lost Called with an error after which the connection must not be used. */
  constructor (database: Database, committed: () => void, lost: (error: unknown) => void) {
    this.#database = database
    this.#committed = committed
    this.#lost = lost
  }

  /** Adds transactions. The first one runs before this method returns, if nothing waits and the file is not locked. */
  add<T> (transactions: ReadonlyArray<Transaction<T>>): Promise<T[]> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(this.#end.cause)
      if (transactions.length === 0) return resolve([])
      this.#calls.push({ transactions, results: [], resolve: resolve as Call['resolve'], reject })
      if (!this.#isRunning) void this.#run()
    })
  }

  /** Rejects every call, and runs nothing any more. */
  end (cause: unknown): void {
    this.#end = { cause }
    for (const call of this.#calls.splice(0)) call.reject(cause)
  }

  async #run (): Promise<void> {
    this.#isRunning = true
    for (let call = this.#calls[0]; call !== undefined; call = this.#calls[0]) {
      const begun = monotonicTime()
      const hasRun = this.#attempt(call)
      if (!hasRun) await untilNextTry()
      else if (this.#calls.length > 0) await pause(monotonicTime() - begun > LONG)
    }
    this.#isRunning = false
  }

  /** Runs the next transaction of a call. @returns False if it could not run, because the file is locked. */
  #attempt (call: Call): boolean {
    const { transactions, results } = call
    try {
      results.push(transact(this.#database, () => transactions[results.length]!.run()))
    } catch (error) {
      if (isLocked(error)) return false
      if (isNotWritable(error)) this.#notWritable(call, error)
      else this.#lost(error)
      return true
    }
    if (results.length === transactions.length) {
      this.#calls.shift()
      call.resolve(results)
    }
    this.#committed()
    return true
  }

  /** Settles a call, and every other one that has a result for this case: stored after it, their records would be out of order. */
  #notWritable (failing: Call, error: unknown): void {
    this.#calls = this.#calls.filter((call) => {
      const rest = call.transactions.slice(call.results.length)
      if (rest.every(({ failed }) => failed !== undefined)) call.resolve([...call.results, ...rest.map(({ failed }) => failed!(error))])
      else if (call === failing) call.reject(error)
      else return true
      return false
    })
  }
}

function pause (isLong: boolean): Promise<void> {
  return new Promise((resolve) => { isLong ? setTimeout(resolve, 1) : setImmediate(resolve) })
}
