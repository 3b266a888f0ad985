import { types } from 'node:util'

// Describes values for error messages and logs without showing their contents.

const MAX_NAME = 100

/** Quotes an event type, cut after 100 characters. Accepts any value, because a caller may pass something that is not text. */
export function quote (event: unknown): string {
  if (typeof event === 'string') return JSON.stringify(shorten(event, MAX_NAME))
  // Converting an object to text may throw.
  return typeof event === 'object' || typeof event === 'function' ? `(${typeof event})` : String(event)
}

/** Cuts a text to at most `max` characters and an ellipsis. */
export function shorten (text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text
}

/** Names the kind of a value and nothing that it contains, for messages that a stranger may see. */
export function kindOf (value: unknown): string {
  if (value === null || value === undefined || Number.isNaN(value)) return String(value)
  if (typeof value === 'string') return value === '' ? 'empty text' : `text of ${value.length} ${value.length === 1 ? 'character' : 'characters'}`
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date'
  if (value instanceof Promise) return 'a promise'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
