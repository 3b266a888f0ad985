import type { FastifyRequest } from 'fastify'
import { demand } from '../option-rules.ts'
import { type AnyResponse, whenClosed } from '../response/any-response.ts'

/** The key that a request counts for, such as an address, a user or a tenant. */
type Key = string | number

/** The limits on the number of subscribers; Infinity: no limit. */
export interface AdmissionLimits {
  readonly maxSubscribers: number
  readonly maxSubscribersPerKey: number
  readonly keyGenerator: (request: FastifyRequest) => Key | Promise<Key>
}

/** The default key of a request: its IP address. Requests over a Unix socket have no address, and share one key. */
export function addressOf ({ ip }: FastifyRequest): string {
  return (ip as string | undefined) ?? 'unix'
}

/** Limits the number of subscribers, in total and for each key. */
export class Admission {
  readonly #limits: AdmissionLimits
  #taken = 0
  readonly #takenByKey = new Map<Key, number>()

  constructor (limits: AdmissionLimits) {
    this.#limits = limits
  }

  /** Calls `keyGenerator`. @returns The key; undefined if keys are not limited. @throws any error of `keyGenerator`. */
  keyOf (request: FastifyRequest): Key | undefined | Promise<Key | undefined> {
    const { maxSubscribersPerKey, keyGenerator } = this.#limits
    return maxSubscribersPerKey === Infinity ? undefined : keyGenerator(request)
  }

  /**
   * Takes a place until a response closes.
   *
   * @param key The result of `keyOf`.
   * @returns False if no place is free.
   * @throws FST_SSE_OPTION_INVALID when `keyGenerator` returned an empty text, or neither text nor a number.
   */
  enter (key: Key | undefined, response: AnyResponse): boolean {
    const { maxSubscribers, maxSubscribersPerKey } = this.#limits
    if (maxSubscribersPerKey !== Infinity) {
      // An empty key is refused, because all requests without a key would count as one client.
      demand((typeof key === 'string' && key !== '') || typeof key === 'number', 'keyGenerator', 'a function that returns text or a number', key)
    } else if (maxSubscribers === Infinity) {
      return true
    }
    const ofKey = key === undefined ? 0 : this.#takenByKey.get(key) ?? 0
    if (this.#taken >= maxSubscribers || ofKey >= maxSubscribersPerKey) return false
    this.#taken++
    if (key !== undefined) this.#takenByKey.set(key, ofKey + 1)
    let hasPlace = true
    whenClosed(response, () => {
      if (hasPlace) this.#leave(key)
      hasPlace = false
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
