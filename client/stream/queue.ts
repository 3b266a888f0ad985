interface Link<T> {
  readonly value?: T
  next?: Link<T>
}

/** What comes, for whoever asks for one after the other. It waits here until then, however much that is. */
export interface Queue<T> extends AsyncIterableIterator<T, undefined> {
  push (value: T): void
  /** Nothing more comes; what waits can still be taken. */
  end (): void
  return (): Promise<IteratorResult<T, undefined>>
}

/** @param left The loop was left. */
export function createQueue<T> (left: () => void): Queue<T> {
  // The value that was taken last; those that wait follow it. To shift them out of an array would move all the others each time.
  let taken: Link<T> = {}
  let newest = taken
  let asking: Array<() => void> = []
  let isOver = false

  const look = (): void => {
    const waiting = asking
    asking = []
    for (const ask of waiting) ask()
  }
  const queue: Queue<T> = {
    push (value) {
      if (isOver) return
      newest = newest.next = { value }
      look()
    },
    end () {
      isOver = true
      look()
    },
    next: () => new Promise((resolve) => {
      const ask = (): void => {
        const { next } = taken
        if (next !== undefined) {
          taken = next
          resolve({ value: next.value as T, done: false })
        } else if (isOver) resolve({ value: undefined, done: true })
        else asking.push(ask)
      }
      ask()
    }),
    return () {
      taken = newest
      queue.end()
      left()
      return queue.next()
    },
    [Symbol.asyncIterator]: () => queue
  }
  return queue
}
