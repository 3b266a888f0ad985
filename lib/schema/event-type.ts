import { EventInvalid, PayloadInvalid } from '../errors.ts'
import { PackageMissing } from '../optional-packages.ts'
import { Acceptance } from './acceptance.ts'
import { type BrokenRule, failureText } from './failure-text.ts'
import { project } from './projection.ts'
import { SchemaNode } from './schema-node.ts'
import { ReferenceUnresolved, type Schema } from './schema.ts'
import { EncoderFailed, encodeTransforms } from './transforms.ts'
import { KindUnknown, type TypeCheck, type TypeLine } from './type-check.ts'
import { typeLineOf } from './type-lines.ts'
import { quote } from '../value-text.ts'

// Compiles the declaration of an event, and reads payloads by it.

/** The part of a payload that is sent. */
export interface Outgoing {
  /** The payload, encoded and without undeclared parts. */
  readonly payload: unknown
  /** True: it is sent as text. False: it is sent as JSON. */
  readonly isText: boolean
}

/** One declared event, compiled. */
export interface EventType {
  readonly schema: Schema
  readonly root: SchemaNode
  /** Every property name that the schema spells out. */
  readonly properties: ReadonlySet<string>
  readonly hasEncoder: boolean
  readonly acceptance: Acceptance
  readonly check: TypeCheck
  readonly isText: boolean
  readonly ephemeral: boolean
  readonly latestBy: ((payload: unknown) => unknown) | undefined
  readonly merge: ((older: unknown, newer: unknown) => unknown) | undefined
  /** The declaration itself, which is compared by identity. */
  readonly declaration: unknown
}

const DECLARATION = ['schema', 'ephemeral', 'latestBy', 'merge']

/** The options of a declaration beside its schema. */
type Terms = Pick<EventType, 'ephemeral' | 'latestBy' | 'merge'>

function readDeclaration (name: string, declaration: unknown): Terms & { readonly schema: Schema } {
  const refuse = (rule: string): never => { throw new EventInvalid(quote(name), rule) }
  if (typeof declaration !== 'object' || declaration === null) return refuse('a declaration must be a TypeBox schema, or { schema }')
  if (!Object.hasOwn(declaration, 'schema')) return { schema: declaration, ephemeral: false, latestBy: undefined, merge: undefined }
  for (const key of Object.keys(declaration)) {
    if (!DECLARATION.includes(key)) refuse(`"${key}" is unknown; valid keys: ${DECLARATION.map((name) => `"${name}"`).join(', ')}`)
  }
  const { schema, ephemeral = false, latestBy, merge } = declaration as { schema: unknown, ephemeral?: unknown, latestBy?: unknown, merge?: unknown }
  if (typeof schema !== 'object' || schema === null) return refuse('"schema" must be a TypeBox schema')
  if (typeof ephemeral !== 'boolean') return refuse('"ephemeral" must be true or false')
  if (latestBy !== undefined && typeof latestBy !== 'function') return refuse('"latestBy" must be a function')
  if (merge !== undefined && typeof merge !== 'function') return refuse('"merge" must be a function')
  return { schema, ephemeral, latestBy: latestBy as EventType['latestBy'], merge: merge as EventType['merge'] }
}

/**
 * Compiles the declaration of one event.
 *
 * @throws FST_SSE_EVENT_INVALID when the declaration is wrong, or its schema does not compile.
 */
export async function compileEvent (name: string, declaration: unknown): Promise<EventType> {
  const { schema, ...terms } = readDeclaration(name, declaration)
  try {
    const line = await typeLineOf(schema)
    if (line === undefined) throw new EventInvalid(quote(name), 'its schema is not a TypeBox schema')
    return { ...await compileSchema(name, schema, line), ...terms, declaration }
  } catch (cause) {
    if (cause instanceof EventInvalid) throw cause
    throw new EventInvalid(quote(name), problemOf(cause as Error), { cause })
  }
}

type Compiled = Omit<EventType, 'declaration' | keyof Terms>

async function compileSchema (name: string, schema: Schema, line: TypeLine): Promise<Compiled> {
  try {
    const { root, findings } = SchemaNode.build(schema, (kind) => line.kinds?.has(kind) === true)
    const unknown = await line.provideFormats(findings.formats)
    if (unknown !== undefined) throw new EventInvalid(quote(name), `its string format "${unknown}" is unknown; register it with TypeBox first`)
    const acceptance = new Acceptance(line, findings.alternatives)
    const { properties, hasEncoder } = findings
    const isText = root.isText && !hasEncoder
    return { schema, root, properties, hasEncoder, acceptance, check: line.compile(schema, []), isText }
  } catch (error) {
    if (error instanceof KindUnknown && await line.kinds?.adopt(error.kind) === true) return compileSchema(name, schema, line)
    throw error
  }
}

function problemOf (error: Error): string {
  if (error instanceof ReferenceUnresolved) return error.message
  if (error instanceof PackageMissing) return `its schema needs the package "${error.message}", which is not installed`
  return `its schema does not compile (${error.message})`
}

/**
 * Encodes a payload, validates it, and removes its undeclared parts.
 *
 * @throws FST_SSE_PAYLOAD_INVALID when the payload does not match its schema.
 */
export function read (event: string, type: EventType, payload: unknown): Outgoing {
  return type.acceptance.during(() => readOnce(event, type, payload))
}

function readOnce (event: string, { root, properties, hasEncoder, check, isText }: EventType, payload: unknown): Outgoing {
  const invalid = (broken: BrokenRule[], value: unknown, cause?: unknown): PayloadInvalid => {
    const error = new PayloadInvalid(quote(event), failureText(broken, properties, value), broken.map(({ failure }) => failure), cause)
    // V8 records ten stack frames. Those below `read` are left out, so that the caller of `broadcast` is among the ten.
    Error.captureStackTrace(error, read)
    return error
  }
  let seen = payload
  let broken: BrokenRule[]
  try {
    if (hasEncoder) seen = encodeTransforms(root, payload)
    if (check.check(seen)) {
      seen = project(root, seen)
      // Checked again, because a getter may return another value each time, and the value that is sent must match.
      if (check.check(seen)) return { payload: seen, isText }
    }
    broken = check.failures(seen)
  } catch (error) {
    if (error instanceof EncoderFailed) throw invalid([brokenRule(error.path, error.message, error.value)], payload, error.cause)
    // A getter of the payload threw, or the payload of a recursive schema contains a cycle.
    throw invalid([brokenRule('', 'could not be read', payload)], payload, error)
  }
  throw invalid(broken, seen)
}

function brokenRule (path: string, rule: string, value: unknown): BrokenRule {
  return { failure: { path, rule, value }, safeRule: rule }
}
