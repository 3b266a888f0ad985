import type { FastifyRequest } from 'fastify'
import { demand } from '../option-rules.ts'
import { type AnyResponse, whenClosed } from '../response/any-response.ts'

/** What is limited together: an address, a user, a tenant. */
type Key = string | number

export interface AdmissionLimits {
  readonly maxSubscribers: number
  readonly maxSubscribersPerKey: number
  readonly keyGenerator: (request: FastifyRequest) => Key | Promise<Key>
}

/** Whoever comes over a Unix socket has none: all of them together are one. */
export function addressOf ({ ip }: FastifyRequest): string {
  return (ip as string | undefined) ?? 'unix'
}

/**
 * The places that there are for subscribers, in all and for each key.
 */
export class Admission {
  readonly #limits: AdmissionLimits
  #taken = 0
  readonly #takenByKey = new Map<Key, number>()

  constructor (limits: AdmissionLimits) {
    this.#limits = limits
  }

  /** What `keyGenerator` gives; undefined where keys are not limited. @throws what it throws */
  keyOf (request: FastifyRequest): Key | undefined | Promise<Key | undefined> {
    const { maxSubscribersPerKey, keyGenerator } = this.#limits
    return maxSubscribersPerKey === Infinity ? undefined : keyGenerator(request)
  }

  /**
   * Takes a place until a response closes.
   *
   * @param key As `keyOf` gave it.
   * @returns Whether there was one.
   * @throws FST_SSE_OPTION_INVALID where the key is none
   */
  enter (key: Key | undefined, response: AnyResponse): boolean {
    const { maxSubscribers, maxSubscribersPerKey } = this.#limits
    if (maxSubscribersPerKey !== Infinity) {
      // Not of nobody: all those would share the places of one.
      demand((typeof key === 'string' && key !== '') || typeof key === 'number', 'keyGenerator', 'a function that returns text or a number', key)
    } else if (maxSubscribers === Infinity) {
      return true
    }
    const ofKey = key === undefined ? 0 : this.#takenByKey.get(key) ?? 0
    if (this.#taken >= maxSubscribers || ofKey >= maxSubscribersPerKey) return false
    this.#taken++
    if (key !== undefined) this.#takenByKey.set(key, ofKey + 1)
    let isHere = true
    whenClosed(response, () => {
      if (isHere) this.#leave(key)
      isHere = false
    })
    return true
  }

  #leave (key: Key | undefined): void {
    this.#taken--
    if (key === undefined) return
    const ofKey = this.#takenByKey.get(key)! - 1
    if (ofKey === 0) this.#takenByKey.delete(key)
    else this.#takenByKey.set(key, ofKey)
  }
}
