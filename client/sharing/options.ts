/** The options of a shared stream, a part of the options of `connect`. */
export interface SharingOptions {
  readonly url: string
  readonly withCredentials: boolean
  readonly lastEventId: string
  readonly share: boolean | string
  readonly connectTimeout: number
}

/** Names the group of tabs that share a stream. The number is the version of their messages: another version means another group. */
export function groupNameOf ({ url, withCredentials, share }: SharingOptions): string {
  return `fastify-typed-sse 1 ${url} ${withCredentials}${share === true ? '' : ` ${share}`}`
}
