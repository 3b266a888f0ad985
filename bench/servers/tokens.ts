import type { Payload } from '../contract.ts'

/** The source of one answer: gives each payload that is pushed, as a model gives its tokens. */
export class Tokens {
  #waiting: Payload[] = []
  #wake: () => void = () => {}

  push (payload: Payload): void {
    this.#waiting.push(payload)
    this.#wake()
  }

  async * read (): AsyncGenerator<Payload, void, undefined> {
    for (;;) {
      const payloads = this.#waiting
      this.#waiting = []
      yield * payloads
      if (this.#waiting.length === 0) await new Promise<void>((resolve) => { this.#wake = resolve })
    }
  }
}

/** The answers of a server, by name. Each has one reader. */
export class Answers {
  readonly #tokens = new Map<string, Tokens>()

  /** Begins an answer. */
  begin (name: string): Tokens {
    const tokens = new Tokens()
    this.#tokens.set(name, tokens)
    return tokens
  }

  end (name: string): void {
    this.#tokens.delete(name)
  }

  push (payload: Payload, name: string | undefined): void {
    this.#tokens.get(name!)?.push(payload)
  }

  get size (): number { return this.#tokens.size }
}
