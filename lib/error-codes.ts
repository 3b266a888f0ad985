import type { FastifyError } from 'fastify'
import * as errors from './errors.ts'
import type { BrokerUnavailable, PayloadInvalid } from './errors.ts'

type ErrorClass = Extract<typeof errors[keyof typeof errors], { readonly code: string }>

/** An error that this plugin makes. */
export interface SseError<Code extends string = string> extends FastifyError {
  /** The code of the error, such as `FST_SSE_CLOSED`. */
  readonly code: Code
}

/** The classes of this plugin's errors, each under its code. An application does not construct them. */
export type ErrorCodes = {
  readonly [Class in ErrorClass as Class['code']]: abstract new (...internal: never) =>
  InstanceType<Class> extends PayloadInvalid | BrokerUnavailable ? InstanceType<Class> : SseError<Class['code']>
}

/**
 * The classes of this plugin's errors, each under its code: `error instanceof errorCodes.FST_SSE_CLOSED`.
 *
 * @see docs/errors.md
 */
export const errorCodes = Object.fromEntries<unknown>(
  Object.values(errors).flatMap((value) => 'code' in value ? [[value.code, value]] : [])
) as ErrorCodes
