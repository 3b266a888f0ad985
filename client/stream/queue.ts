// The unbounded queue between a stream and a `for await` loop.

/** Values that wait until a loop takes them, without a bound on their number. */
export interface Queue<T> extends AsyncIterableIterator<T, undefined> {
  push (value: T): void
  /** Accepts no more values. Waiting values can still be taken. @param failure The error that the loop gets after them. Absent: the loop ends. */
  end (failure?: Error): void
  return (): Promise<IteratorResult<T, undefined>>
}

/** @param onLeave Called when the loop is left early. */
export function createQueue<T> (onLeave: () => void): Queue<T> {
  let values: T[] = []
  let isOver = false
  let failure: Error | undefined
  let wake = (): void => {}
  const taken = take()

  async function * take (): AsyncGenerator<T, undefined, undefined> {
    for (;;) {
      const batch = values
      values = []
      yield * batch
      if (values.length > 0) continue
      if (failure) throw failure
      if (isOver) return
      await new Promise<void>((resolve) => { wake = resolve })
    }
  }

  const queue: Queue<T> = {
    push (value) {
      if (!isOver) values.push(value)
      wake()
    },
    end (error) {
      failure = error
      isOver = true
      wake()
    },
    next: () => taken.next(),
    return () {
      values = []
      queue.end()
      onLeave()
      return taken.return(undefined)
    },
    [Symbol.asyncIterator]: () => queue
  }
  return queue
}
