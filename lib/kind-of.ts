import { types } from 'node:util'

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
