import { types } from 'node:util'

const MAX_NAME = 100

/** How an error names an event, whatever was given for one. */
export function quote (event: unknown): string {
  if (typeof event === 'string') return JSON.stringify(shorten(event, MAX_NAME))
  // An object may have no text, or throw when it is asked for one.
  return typeof event === 'object' || typeof event === 'function' ? `(${typeof event})` : String(event)
}

/** A text of at most so many characters and an ellipsis. */
export function shorten (text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text
}

/**
 * Names the kind of a value, and nothing that is in it: for messages that a stranger may get to see.
 */
export function kindOf (value: unknown): string {
  if (value === null || value === undefined || Number.isNaN(value)) return String(value)
  if (typeof value === 'string') return value === '' ? 'empty text' : `text of ${value.length} ${value.length === 1 ? 'character' : 'characters'}`
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date'
  if (value instanceof Promise) return 'a promise'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
