// The unbounded queue between a stream and a `for await` loop.

interface Link<T> {
  readonly value?: T
  next?: Link<T>
}

/** Values that wait until a loop takes them, without a bound on their number. */
export interface Queue<T> extends AsyncIterableIterator<T, undefined> {
  push (value: T): void
  /** Accepts no more values. Waiting values can still be taken. */
  end (): void
  return (): Promise<IteratorResult<T, undefined>>
}

/** @param onLeave Called when the loop is left early. */
export function createQueue<T> (onLeave: () => void): Queue<T> {
  // A linked list that starts at the value taken last: shifting values out of an array would move all the others each time.
  let taken: Link<T> = {}
  let newest = taken
  let pending: Array<() => void> = []
  let isOver = false

  const settle = (): void => {
    const attempts = pending
    pending = []
    for (const attempt of attempts) attempt()
  }
  const queue: Queue<T> = {
    push (value) {
      if (isOver) return
      newest = newest.next = { value }
      settle()
    },
    end () {
      isOver = true
      settle()
    },
    next: () => new Promise((resolve) => {
      const attempt = (): void => {
        const { next } = taken
        if (next !== undefined) {
          taken = next
          resolve({ value: next.value as T, done: false })
        } else if (isOver) resolve({ value: undefined, done: true })
        else pending.push(attempt)
      }
      attempt()
    }),
    return () {
      taken = newest
      queue.end()
      onLeave()
      return queue.next()
    },
    [Symbol.asyncIterator]: () => queue
  }
  return queue
}
