import type { Failure } from '../errors.ts'
import { shorten } from '../value-text.ts'

/** A rule that a payload breaks, and how a log may tell it. */
export interface BrokenRule {
  readonly failure: Failure
  /** The rule in words of the schema, which hold nothing of the payload. */
  readonly told: string
}

// A log line stays a line, however deep the payload and however many its failures.
const MAX_PATH = 100
const MAX_RULE = 200
const MAX_TEXT = 1000

/**
 * The failures of a payload as text for a message.
 *
 * @param properties Every property name that the schema spells out. Any other key is data of the payload and becomes `*`.
 * @param payload The value in which the paths lead somewhere.
 */
export function failureText (broken: readonly BrokenRule[], properties: ReadonlySet<string>, payload: unknown): string {
  let text = ''
  for (const [index, { failure, told }] of broken.entries()) {
    const next = `${index === 0 ? '' : '; '}${shorten(masked(failure.path, properties, payload), MAX_PATH)} ${shorten(told, MAX_RULE)}`
    if (text.length + next.length > MAX_TEXT) return `${text}; and ${broken.length - index} more`
    text += next
  }
  return text
}

/** A JSON Pointer without keys that are data. */
function masked (path: string, properties: ReadonlySet<string>, payload: unknown): string {
  if (path === '') return '/'
  let masked = ''
  let part = payload
  for (const segment of path.split('/').slice(1)) {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~')
    // An index is no data, but a key of digits may be a telephone number.
    masked += Array.isArray(part) || properties.has(key) ? `/${segment}` : '/*'
    if (masked.length > MAX_PATH) return masked
    part = propertyOf(part, key)
  }
  return masked
}

function propertyOf (part: unknown, key: string): unknown {
  try {
    return (part as Record<string, unknown> | null | undefined)?.[key]
  } catch {
    // A getter of the payload threw. What stands below it is not known to be a list.
    return undefined
  }
}
