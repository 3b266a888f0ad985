import type { Failure } from '../errors.ts'
import { shorten } from '../value-text.ts'

// Formats the failures of a payload for an error message, without data of the payload.

/** A rule that a payload breaks. */
export interface BrokenRule {
  readonly failure: Failure
  /** The rule in words that contain nothing of the payload, for messages and logs. */
  readonly safeRule: string
}

// These bounds keep a log line short, for payloads of any depth with any number of failures.
const MAX_PATH = 100
const MAX_RULE = 200
const MAX_TEXT = 1000

/**
 * Formats the failures of a payload, in at most about 1,000 characters.
 *
 * @param properties Every property name that the schema spells out. Any other key is data of the payload, and becomes `*`.
 * @param payload The value that the paths refer to.
 */
export function failureText (broken: readonly BrokenRule[], properties: ReadonlySet<string>, payload: unknown): string {
  let text = ''
  for (const [index, { failure, safeRule }] of broken.entries()) {
    const next = `${index === 0 ? '' : '; '}${shorten(masked(failure.path, properties, payload), MAX_PATH)} ${shorten(safeRule, MAX_RULE)}`
    if (text.length + next.length > MAX_TEXT) return `${text}; and ${broken.length - index} more`
    text += next
  }
  return text
}

/** Replaces the keys of a JSON Pointer that are data of the payload. */
function masked (path: string, properties: ReadonlySet<string>, payload: unknown): string {
  if (path === '') return '/'
  let masked = ''
  let part = payload
  for (const segment of path.split('/').slice(1)) {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~')
    // The index of a list is shown, but not an object key of digits, which may be a telephone number.
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
    // A getter of the payload threw. The keys below it are masked.
    return undefined
  }
}
