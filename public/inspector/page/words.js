// Numbers, amounts and times in words.

const numbers = new Intl.NumberFormat('en')
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })

export const count = (number) => numbers.format(number)

/** Counts things, as "1 event" or "2 events". @param {number} number @param {string} word The singular. Its plural ends in s. */
export const counted = (number, word) => `${count(number)} ${word}${number === 1 ? '' : 's'}`

export function bytes (number) {
  if (number < 1000) return counted(number, 'byte')
  if (number < 1_000_000) return `${short.format(number / 1000)} kB`
  return `${short.format(number / 1_000_000)} MB`
}

export function duration (milliseconds) {
  const size = Math.abs(milliseconds)
  const sign = milliseconds < 0 ? '−' : ''
  if (size < 1000) return `${sign}${short.format(Math.round(size))} ms`
  if (size < 120_000) return `${sign}${short.format(size / 1000)} s`
  if (size < 7_200_000) return `${sign}${short.format(size / 60_000)} min`
  if (size < 172_800_000) return `${sign}${short.format(size / 3_600_000)} h`
  return `${sign}${short.format(size / 86_400_000)} days`
}

const two = (number) => String(number).padStart(2, '0')

/** Formats the local time of day, to the millisecond. `Intl` took most of the time that a row needs. */
export function clock (at) {
  const date = new Date(at)
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
