import { EventInvalid, EventUnknown, KeyInvalid } from '../errors.ts'
import type { Declarations } from './declarations.ts'
import { compileEvent, type EventType, type Outgoing, read } from './event-type.ts'
import type { Schema } from './schema.ts'
import { quote } from '../value-text.ts'
import { RESERVED_PREFIX } from '../wire/plugin-events.ts'

/** What may be told of a declared event. */
export interface EventDescription {
  readonly event: string
  /** JSON Schema of what readers get. */
  readonly schema: Schema
  /** Whether its data is text, not JSON. */
  readonly text: boolean
  readonly ephemeral: boolean
  readonly latestBy: boolean
}

// What EventSource would take for its own: listeners for these hear of the connection, not of the event.
const CONNECTION_EVENTS = ['open', 'error']

// A reader splits lines at CR and LF; NUL makes some drop the event; a lone surrogate has no UTF-8, and would arrive as another name.

const UNSPEAKABLE = /[\r\n\0\p{Cs}]/u

/**
 * The events that may be broadcast, their checks compiled.
 */
export class EventTypes {
  /** Undefined: nothing was declared, so any event with any payload goes. */
  readonly #types: ReadonlyMap<string, EventType> | undefined

  private constructor (types: ReadonlyMap<string, EventType> | undefined) {
    this.#types = types
  }

  /**
   * @param declarations Every declaration handed to the plugin; undefined: any event goes.
   * @throws FST_SSE_EVENT_INVALID when a name or a schema cannot be used, or a name is declared twice.
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
   * What of a payload goes out under an event.
   *
   * @param payload Neither changed nor kept.
   * @throws FST_SSE_EVENT_UNKNOWN, FST_SSE_PAYLOAD_INVALID
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

  /** Whether the data of an event is text, not JSON. Undefined where only the data itself can tell. */
  isText (event: string): boolean | undefined {
    return this.#types?.get(event)?.isText
  }

  /** Whether an event is declared as not to be kept. */
  isEphemeral (event: string): boolean {
    return this.#types?.get(event)?.ephemeral === true
  }

  /**
   * The key of a payload that fits; undefined where its event has none.
   *
   * @throws FST_SSE_KEY_INVALID
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
    if (typeof key !== 'string' && typeof key !== 'number') throw new KeyInvalid(quote(event), `gave ${key === null ? 'null' : typeof key}`)
    return String(key)
  }

  /** The declared events whose data is text; undefined: nothing was declared. */
  get textEvents (): string[] | undefined {
    return this.#types && [...this.#types].filter(([, { isText }]) => isText).map(([event]) => event)
  }

  /** The declared events; null: nothing was declared. */
  describe (): EventDescription[] | null {
    if (this.#types === undefined) return null
    return [...this.#types].map(([event, { schema, isText, ephemeral, latestBy }]) => (
      { event, schema, text: isText, ephemeral, latestBy: latestBy !== undefined }
    ))
  }

  /** The events of a declaration that are not among these, as declared there. */
  missing (declarations: Declarations): string[] {
    return Object.entries(declarations)
      .filter(([name, declaration]) => this.#types?.get(name)?.declaration !== declaration)
      .map(([name]) => name)
  }
}

function checkName (name: string): void {
  const refuse = (rule: string): never => { throw new EventInvalid(quote(name), rule) }
  if (name === '') refuse('an event has a name')
  if (UNSPEAKABLE.test(name)) refuse('a name may not hold CR, LF, NUL or half a surrogate pair')
  if (CONNECTION_EVENTS.includes(name)) refuse('EventSource fires events of this name for the connection')
  if (name.startsWith(RESERVED_PREFIX)) refuse(`names that begin with "${RESERVED_PREFIX}" belong to this plugin`)
}

/** The same rules where nothing is declared: they are the wire's, not the declaration's. */
function checkUndeclared (event: string): void {
  if (typeof event !== 'string') throw new EventUnknown(quote(event))
  checkName(event)
}
