import { EventInvalid, EventUnknown, KeyInvalid } from '../errors.ts'
import type { Declarations } from './declarations.ts'
import { compileEvent, type EventType, type Outgoing, read } from './event-type.ts'
import { mergerOf, type Mergers } from './merger.ts'
import type { Schema } from './schema.ts'
import { quote } from '../value-text.ts'
import { RESERVED_PREFIX } from '../wire/plugin-events.ts'

// The declared events of a hub.

/** The description of a declared event, as the inspector shows it. */
export interface EventDescription {
  readonly event: string
  /** The JSON Schema of the payload that readers get. */
  readonly schema: Schema
  /** True if its data is text, false if it is JSON. */
  readonly text: boolean
  readonly ephemeral: boolean
  readonly latestBy: boolean
}

// EventSource itself fires events of these types for the connection, so a listener could not tell them from events of the stream.
const CONNECTION_EVENTS = ['open', 'error']

// Readers end a line at CR and LF. Some drop an event because of NUL. A lone surrogate has no UTF-8 form, so another name would arrive.
const INVALID_IN_NAME = /[\r\n\0\p{Cs}]/u

/** The compiled declarations of all events that may be broadcast. */
export class EventTypes {
  /** The events by type. Undefined if no events are declared: any event with any payload may be broadcast. */
  readonly #types: ReadonlyMap<string, EventType> | undefined

  private constructor (types: ReadonlyMap<string, EventType> | undefined) {
    this.#types = types
  }

  /**
   * Compiles the declarations of all events.
   *
   * @param declarations The declarations that the plugin was registered with; undefined if no events are declared.
   * @throws FST_SSE_EVENT_INVALID when a name or a schema is invalid, or a name is declared twice.
   */
  static async compile (declarations: readonly Declarations[] | undefined): Promise<EventTypes> {
    if (declarations === undefined) return new EventTypes(undefined)
    const types = new Map<string, EventType>()
    for (const [name, declaration] of declarations.flatMap((events) => Object.entries(events))) {
      checkName(name)
      if (types.has(name)) throw new EventInvalid(quote(name), 'it is declared twice')
      types.set(name, await compileEvent(name, declaration))
    }
    return new EventTypes(types)
  }

  /**
   * Validates a payload, and reduces it to the part that is sent.
   *
   * @param payload The payload; it is neither changed nor kept.
   * @throws FST_SSE_EVENT_UNKNOWN when the event is not declared, FST_SSE_PAYLOAD_INVALID when the payload does not match its schema,
   * FST_SSE_EVENT_INVALID when no events are declared and the event type is invalid.
   */
  validate (event: string, payload: unknown): Outgoing {
    if (this.#types === undefined) {
      checkUndeclared(event)
      return { payload, isText: typeof payload === 'string' }
    }
    const type = this.#types.get(event)
    if (type === undefined) throw new EventUnknown(quote(event))
    return read(event, type, payload)
  }

  /**
   * Checks the type of an event whose payloads come later.
   *
   * @throws FST_SSE_EVENT_UNKNOWN when the event is not declared, FST_SSE_EVENT_INVALID when no events are declared and the event type is invalid.
   */
  demandKnown (event: string): void {
    if (this.#types === undefined) checkUndeclared(event)
    else if (!this.#types.has(event)) throw new EventUnknown(quote(event))
  }

  /** True if the data of an event is text, false if it is JSON; undefined if the event is not declared. */
  isText (event: string): boolean | undefined {
    return this.#types?.get(event)?.isText
  }

  /** True if an event is declared as ephemeral. */
  isEphemeral (event: string): boolean {
    return this.#types?.get(event)?.ephemeral === true
  }

  /**
   * Computes the `latestBy` key of a valid payload.
   *
   * @returns The key; undefined if the event has no `latestBy`.
   * @throws FST_SSE_KEY_INVALID when `latestBy` throws, or returns neither text nor a number.
   */
  keyOf (event: string, payload: unknown): string | undefined {
    const latestBy = this.#types?.get(event)?.latestBy
    if (latestBy === undefined) return undefined
    let key: unknown
    try {
      key = latestBy(payload)
    } catch (cause) {
      throw new KeyInvalid(quote(event), 'threw', { cause })
    }
    if (typeof key !== 'string' && typeof key !== 'number') throw new KeyInvalid(quote(event), `returned ${key === null ? 'null' : typeof key}`)
    return String(key)
  }

  /**
   * Returns how consecutive events are merged, by event type.
   *
   * @param failed Called with the first error of the `merge` of each event.
   */
  mergers (failed: (error: unknown, event: string) => void): Mergers {
    return new Map(Array.from(this.#types ?? [], ([event, type]) => [event, mergerOf(event, type, (error) => failed(error, event))]))
  }

  /** The types of the declared events whose data is text; undefined if no events are declared. */
  get textEvents (): string[] | undefined {
    return this.#types && [...this.#types].filter(([, { isText }]) => isText).map(([event]) => event)
  }

  /** Describes the declared events; null if no events are declared. */
  describe (): EventDescription[] | null {
    if (this.#types === undefined) return null
    return [...this.#types].map(([event, { schema, isText, ephemeral, latestBy }]) => (
      { event, schema, text: isText, ephemeral, latestBy: latestBy !== undefined }
    ))
  }

  /** Compares a declaration by identity. @returns The types of its events that are declared differently here, or not at all. */
  missing (declarations: Declarations): string[] {
    return Object.entries(declarations)
      .filter(([name, declaration]) => this.#types?.get(name)?.declaration !== declaration)
      .map(([name]) => name)
  }
}

function checkName (name: string): void {
  const refuse = (rule: string): never => { throw new EventInvalid(quote(name), rule) }
  if (name === '') refuse('its name is empty')
  if (INVALID_IN_NAME.test(name)) refuse('its name contains CR, LF, NUL or a lone surrogate')
  if (CONNECTION_EVENTS.includes(name)) refuse('EventSource fires events of this name for the connection')
  if (name.startsWith(RESERVED_PREFIX)) refuse(`names that begin with "${RESERVED_PREFIX}" are reserved for this plugin`)
}

/** Checks the type of an event if no events are declared. The wire format demands the rules for names, so they apply here too. */
function checkUndeclared (event: string): void {
  if (typeof event !== 'string') throw new EventUnknown(quote(event))
  checkName(event)
}
