const PAGE = 10

/**
 * Maps a key to an action in a table of lines that open.
 *
 * @param {string} key @param {number} index The current line. @param {number} length
 * @returns {number | 'open' | 'close' | null} The line to go to, or the action on the current line; null: no action.
 */
export function arrows (key, index, length) {
  switch (key) {
    case 'ArrowDown': return Math.min(index + 1, length - 1)
    case 'ArrowUp': return Math.max(index - 1, 0)
    case 'PageDown': return Math.min(index + PAGE, length - 1)
    case 'PageUp': return Math.max(index - PAGE, 0)
    case 'Home': return 0
    case 'End': return length - 1
    case 'ArrowRight': return 'open'
    case 'ArrowLeft': return 'close'
    default: return null
  }
}
