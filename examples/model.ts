import { setTimeout as pause } from 'node:timers/promises'

const WORDS = ['light', 'water', 'a', 'is', 'the', 'blue', 'because', 'small', 'and', 'scattered', 'of', 'sky', 'in', 'far', 'more', 'than'] as const
const LENGTH = Number(process.env.WORDS ?? 60)
/** Milliseconds between two words. */
const PACE = Number(process.env.PACE ?? 80)

/** A model that needs no network: it gives an answer word by word, and the same answer to the same question. */
export async function * model (question: string, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  let seed = Array.from(question).reduce((sum, character) => (sum * 31 + character.codePointAt(0)!) % 2147483647, 7)
  for (let word = 0; word < LENGTH; word++) {
    // Rejects when the answer is stopped.
    await pause(PACE, undefined, { signal })
    seed = seed * 48271 % 2147483647
    yield `${WORDS[seed % WORDS.length]!} `
  }
}
