import { inspect } from 'node:util'
import { createError } from '@fastify/error'
import { kindOf } from './value-text.ts'

// The errors of the server, one class per code. docs/errors.md has a heading for each code; a test compares the two.
// The arguments fill the `%s` of a message in order. A message never contains values, because Fastify sends it to the client and loggers
// write it down. The exceptions are values given at registration, because only the author of the program reads those messages.

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

/** An option breaks its rule. The message names the option, the rule and the kind of the value. */
export class OptionInvalid extends OptionInvalidBase {
  readonly #option: string
  readonly #rule: string
  // Private, so that no logger writes it down.
  readonly #value: unknown

  constructor (option: string, rule: string, value: unknown, describe: (value: unknown) => string = kindOf) {
    super(option, rule, describe(value))
    this.#option = option
    this.#rule = rule
    this.#value = value
  }

  /** A copy of this error whose message shows the value. */
  shown (): OptionInvalid {
    return new OptionInvalid(this.#option, this.#rule, this.#value,
      (value) => inspect(value, { depth: 1, breakLength: Infinity, maxStringLength: 100, maxArrayLength: 10 }))
  }
}

const OptionUnknownBase = define<[which: string, known: string]>()(
  'FST_SSE_OPTION_UNKNOWN', '%s is unknown; valid keys: %s')

/** The plugin or one of its options has no such key. The message does not show the key: an object passed by mistake may have any keys. */
export class OptionUnknown extends OptionUnknownBase {
  readonly #option: string
  readonly #key: string
  readonly #known: string

  /**
   * @param option The option whose value has the unknown key; empty for the options of the plugin itself.
   * @param known The valid keys, as text for the message.
   * @param which The subject of the message.
   */
  constructor (option: string, key: string, known: string, which = `A key of the option "${option}"`) {
    super(which, known)
    this.#option = option
    this.#key = key
    this.#known = known
  }

  /** A copy of this error whose message shows the key. */
  shown (): OptionUnknown {
    const name = this.#option === '' ? this.#key : `${this.#option}.${this.#key}`
    return new OptionUnknown(this.#option, this.#key, this.#known, `The option "${name}"`)
  }
}

export const DecoratorTaken = define<[by: string]>()(
  'FST_SSE_DECORATOR_TAKEN', 'This scope already has a decorator "sse"%s')

export const PathTaken = define<[method: string, url: string, advice: string]>()(
  'FST_SSE_PATH_TAKEN', 'The route %s %s already exists: give %s')

export const EventInvalid = define<[event: string, rule: string, options?: { cause: unknown }]>()(
  'FST_SSE_EVENT_INVALID', 'The event %s cannot be declared: %s')

export const EventUnknown = define<[event: string]>()(
  'FST_SSE_EVENT_UNKNOWN', 'The event %s is not declared')

export const EventsUnregistered = define<[events: string]>()(
  'FST_SSE_EVENTS_UNREGISTERED', 'The plugin was not registered with this declaration of the events: %s')

/**
 * One rule of a schema that a payload breaks.
 *
 * @see docs/errors.md
 */
export interface Failure {
  /** A JSON Pointer to the part of the payload that breaks the rule; empty if it is the payload itself. */
  readonly path: string
  /** The rule, as text. */
  readonly rule: string
  /** The part of the payload that breaks the rule. */
  readonly value: unknown
}

const PayloadInvalidBase = define<[event: string, failures: string, options?: { cause: unknown }]>()(
  'FST_SSE_PAYLOAD_INVALID', 'The payload of %s does not match its schema: %s')

/**
 * The error `FST_SSE_PAYLOAD_INVALID`: a payload does not match the schema of its event.
 *
 * @see docs/errors.md
 */
export class PayloadInvalid extends PayloadInvalidBase {
  /** The rules that the payload breaks: at most 20, or 8 with typebox 1.x. Not enumerable. */
  declare readonly failures: readonly Failure[]

  /** @param text The failures as text for the message, without values of the payload. */
  constructor (event: string, text: string, failures: readonly Failure[], cause?: unknown) {
    super(event, text, ...(cause === undefined ? [] : [{ cause }]))
    // Not enumerable, because a logger would write down the keys and values of the payload.
    Object.defineProperty(this, 'failures', { value: failures })
  }
}

export const PayloadNotEncodable = define<[event: string, problem: string, options?: { cause: unknown }]>()(
  'FST_SSE_PAYLOAD_NOT_ENCODABLE', 'The payload of %s has no JSON form: %s')

export const PayloadTooLarge = define<[event: string, bytes: number, option: string, limit: number]>()(
  'FST_SSE_PAYLOAD_TOO_LARGE', 'The payload of %s takes %d bytes; "%s" allows %d')

export const FieldInvalid = define<[field: string, value: string]>()(
  'FST_SSE_FIELD_INVALID', 'The %s must not contain CR, LF or NUL; it is %s')

export const ChannelInvalid = define<[rule: string, channel: string]>()(
  'FST_SSE_CHANNEL_INVALID', 'A channel must be %s; it is %s')

export const ChannelsExceeded = define<[limit: number]>()(
  'FST_SSE_CHANNELS_EXCEEDED', 'A subscriber may hear at most %d channels ("maxChannelsPerSubscriber")')

export const KeyInvalid = define<[event: string, problem: string, options?: { cause: unknown }]>()(
  'FST_SSE_KEY_INVALID', 'The "latestBy" of %s must return text or a number; it %s')

export const BacklogFull = define<[event: string, bytes: number, limit: number]>()(
  'FST_SSE_BACKLOG_FULL', 'The event %s was not sent: %d bytes already wait for this reader; "maxBacklogBytes" allows %d')

export const SourceInvalid = define<[event: string, value: string]>()(
  'FST_SSE_SOURCE_INVALID', 'The source of %s must be a function that returns an async iterable, or a promise of one; it %s')

export const HeaderInvalid = define<[header: string, problem: string]>()(
  'FST_SSE_HEADER_INVALID', 'The option "headers" returned the header %s: %s')

export const NotAcceptable = define()(
  'FST_SSE_NOT_ACCEPTABLE', 'This resource is an event stream; the request does not accept text/event-stream', 406)

export const Overloaded = define()(
  'FST_SSE_OVERLOADED', 'A limit on event streams is reached', 503)

export const ReplySent = define()(
  'FST_SSE_REPLY_SENT', 'This reply has already been sent, or is already an event stream; is "subscribe" awaited?')

export const ReplyReplaced = define()(
  'FST_SSE_REPLY_REPLACED', 'An onSend hook failed, or it replaced or wrapped the event stream: make it skip text/event-stream')

export const StatusSet = define<[status: number]>()(
  'FST_SSE_STATUS_SET', 'An event stream has the status 200; this reply has %d')

export const TrailersSet = define<[names: string]>()(
  'FST_SSE_TRAILERS_SET', 'An event stream has no trailers; this reply has %s')

export const Closed = define<[what: string]>()(
  'FST_SSE_CLOSED', '%s after the application began to close', 503)

export const RunUnknown = define()(
  'FST_SSE_RUN_UNKNOWN', 'There is no run with this ID, or it is over', 404)

export const RunExists = define()(
  'FST_SSE_RUN_EXISTS', 'There is a run with this ID already', 409)

export const RunsExceeded = define<[limit: number]>()(
  'FST_SSE_RUNS_EXCEEDED', 'This process has %d runs already ("runs.maxRuns")', 503)

export const RunReader = define()(
  'FST_SSE_RUN_READER', 'A reader of a run gets that run, and cannot join channels')

const BrokerUnavailableBase = define<[kind: string, problem: string, options?: { cause: unknown }]>()(
  'FST_SSE_BROKER_UNAVAILABLE', 'The %s broker is not available: %s', 503)

/**
 * The error `FST_SSE_BROKER_UNAVAILABLE`: the engine of the broker cannot be reached, or did not take an event in time.
 *
 * @see docs/errors.md
 */
export class BrokerUnavailable extends BrokerUnavailableBase {
  /** False: the event was not stored, and never will be. Undefined: it may have been stored, and then all readers get it once. */
  readonly stored: false | undefined

  constructor (kind: string, problem: string, stored: false | undefined, cause: unknown) {
    super(kind, problem, ...(cause === undefined ? [] : [{ cause }]))
    this.stored = stored
  }
}

export const DriverMissing = define<[kind: string, name: string, options?: { cause: unknown }]>()(
  'FST_SSE_DRIVER_MISSING', 'The %s broker needs the package %s: install it')
