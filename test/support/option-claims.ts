import t from 'tap'

export interface Refusal { readonly code: string, readonly message?: RegExp }

export const unknown = (message: RegExp): Refusal => ({ code: 'FST_SSE_OPTION_UNKNOWN', message })
export const invalid = (message: RegExp): Refusal => ({ code: 'FST_SSE_OPTION_INVALID', message })
export const noChannel: Refusal = { code: 'FST_SSE_CHANNEL_INVALID' }

/** Tests what the function `read` of one call accepts as options, and with which errors it refuses others. */
export function claims<O, R> (
  name: string, read: (options: O) => R, accepted: Array<[options: unknown, read: R]>, refused: Array<[options: unknown, error: Refusal]>
): void {
  t.test(name, async (t) => {
    for (const [options, expected] of accepted) t.strictSame(read(options as O), expected)
    for (const [options, error] of refused) {
      t.throws(() => read(options as O), error)
      t.throws(() => read(options as O), { message: /^[^\n]{1,400}$/ })
    }
  })
}
