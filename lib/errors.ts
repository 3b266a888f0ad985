import { inspect } from 'node:util'
import { createError } from '@fastify/error'
import { kindOf } from './value-text.ts'

// One heading per code in docs/errors.md; a test ties the two together.
// `%s` are filled in order. Values never stand in a message: Fastify answers with it, and a value may hold what neither a stranger nor a
// log must see. What was given at registration may: there its author reads it.

/**
 * Makes a class of errors that names its own code, by which lib/error-codes.ts finds it.
 *
 * @returns A function of the code, the message and the status: TypeScript cannot infer the code where the arguments are given.
 */
function define<Arguments extends unknown[] = []> () {
  return <Code extends string>(code: Code, message: string, status?: number) =>
    Object.assign(createError<Code, Arguments>(code, message, status), { code })
}

const OptionInvalidBase = define<[option: string, rule: string, value: string]>()(
  'FST_SSE_OPTION_INVALID', 'The option "%s" must be %s; it is %s')

/** Its message names the kind of the value. */
export class OptionInvalid extends OptionInvalidBase {
  readonly #option: string
  readonly #rule: string
  // Private: no logger writes it down.
  readonly #value: unknown

  constructor (option: string, rule: string, value: unknown, describe: (value: unknown) => string = kindOf) {
    super(option, rule, describe(value))
    this.#option = option
    this.#rule = rule
    this.#value = value
  }

  /** The same, its message with the value itself. */
  shown (): OptionInvalid {
    return new OptionInvalid(this.#option, this.#rule, this.#value,
      (value) => inspect(value, { depth: 1, breakLength: Infinity, maxStringLength: 100, maxArrayLength: 10 }))
  }
}

const OptionUnknownBase = define<[which: string, known: string]>()(
  'FST_SSE_OPTION_UNKNOWN', '%s is unknown; known are %s')

/** Its message does not name the key: an object that was mistaken for options may have any. */
export class OptionUnknown extends OptionUnknownBase {
  readonly #option: string
  readonly #key: string
  readonly #known: string

  /** @param option The one that has such a key; empty: the options of the plugin. */
  constructor (option: string, key: string, known: string, which = `A key of the option "${option}"`) {
    super(which, known)
    this.#option = option
    this.#key = key
    this.#known = known
  }

  /** The same, its message with the key. */
  shown (): OptionUnknown {
    const name = this.#option === '' ? this.#key : `${this.#option}.${this.#key}`
    return new OptionUnknown(this.#option, this.#key, this.#known, `The option "${name}"`)
  }
}

export const OptionUnsupported = define<[option: string]>()(
  'FST_SSE_OPTION_UNSUPPORTED', 'The option "%s" is not yet supported')

export const DecoratorTaken = define<[by: string]>()(
  'FST_SSE_DECORATOR_TAKEN', 'This scope already has a decorator "sse"%s')

export const PathTaken = define<[method: string, url: string, advice: string]>()(
  'FST_SSE_PATH_TAKEN', 'There is a route %s %s already: give %s')

export const EventInvalid = define<[event: string, rule: string, options?: { cause: unknown }]>()(
  'FST_SSE_EVENT_INVALID', 'The event %s cannot be declared: %s')

export const EventUnknown = define<[event: string]>()(
  'FST_SSE_EVENT_UNKNOWN', 'The event %s is not declared')

export const EventsUnregistered = define<[events: string]>()(
  'FST_SSE_EVENTS_UNREGISTERED', 'These events were not registered with this plugin as declared here: %s')

/** One rule of a schema that a payload breaks. */
export interface Failure {
  /** JSON Pointer to the offending part of the payload; empty: the payload itself. */
  readonly path: string
  /** The rule, in words. */
  readonly rule: string
  /** The offending part as it was given. */
  readonly value: unknown
}

const PayloadInvalidBase = define<[event: string, failures: string, options?: { cause: unknown }]>()(
  'FST_SSE_PAYLOAD_INVALID', 'The payload of %s does not fit its schema: %s')

export class PayloadInvalid extends PayloadInvalidBase {
  declare readonly failures: readonly Failure[]

  /** @param text The failures without anything of the payload. */
  constructor (event: string, text: string, failures: readonly Failure[], cause?: unknown) {
    super(event, text, ...(cause === undefined ? [] : [{ cause }]))
    // Not enumerable: a logger would write the keys and values of the payload down.
    Object.defineProperty(this, 'failures', { value: failures })
  }
}

export const PayloadNotEncodable = define<[event: string, problem: string, options?: { cause: unknown }]>()(
  'FST_SSE_PAYLOAD_NOT_ENCODABLE', 'The payload of %s has no JSON form: %s')

export const PayloadTooLarge = define<[event: string, bytes: number, option: string, limit: number]>()(
  'FST_SSE_PAYLOAD_TOO_LARGE', 'The payload of %s takes %d bytes; "%s" allows %d')

export const FieldInvalid = define<[field: string, value: string]>()(
  'FST_SSE_FIELD_INVALID', 'A %s may not hold CR, LF or NUL; it is %s')

export const ChannelInvalid = define<[rule: string, channel: string]>()(
  'FST_SSE_CHANNEL_INVALID', 'A channel must be %s; it is %s')

export const ChannelsExceeded = define<[limit: number]>()(
  'FST_SSE_CHANNELS_EXCEEDED', 'A subscriber hears at most %d channels ("maxChannelsPerSubscriber")')

export const KeyInvalid = define<[event: string, problem: string, options?: { cause: unknown }]>()(
  'FST_SSE_KEY_INVALID', 'The "latestBy" of %s must give text or a number; it %s')

export const BacklogFull = define<[event: string, bytes: number, limit: number]>()(
  'FST_SSE_BACKLOG_FULL', 'The event %s was not sent: %d bytes wait for this reader already; "maxBacklogBytes" allows %d')

export const SourceInvalid = define<[event: string, value: string]>()(
  'FST_SSE_SOURCE_INVALID', 'The source of %s must be a function that returns an async iterable, or a promise of one; it %s')

export const HeaderInvalid = define<[header: string, problem: string]>()(
  'FST_SSE_HEADER_INVALID', 'The option "headers" gave the header %s: %s')

export const NotAcceptable = define()(
  'FST_SSE_NOT_ACCEPTABLE', 'This resource is an event stream; the request does not accept text/event-stream', 406)

export const Overloaded = define()(
  'FST_SSE_OVERLOADED', 'There is no place for another event stream', 503)

export const ReplySent = define()(
  'FST_SSE_REPLY_SENT', 'This reply was sent already, or is an event stream already; is "subscribe" awaited?')

export const ReplyReplaced = define()(
  'FST_SSE_REPLY_REPLACED', 'An onSend hook failed, or replaced or wrapped the event stream: exempt text/event-stream in it')

export const StatusSet = define<[status: number]>()(
  'FST_SSE_STATUS_SET', 'An event stream has the status 200; this reply has %d')

export const TrailersSet = define<[names: string]>()(
  'FST_SSE_TRAILERS_SET', 'An event stream has no trailers; this reply has %s')

export const Closed = define<[event: string]>()(
  'FST_SSE_CLOSED', 'The event %s came after the application was closed')
