// What shows nothing, or turns the direction of what follows: controls, soft hyphen, zero-width and bidirectional marks, the byte order mark.
// Joiners belong to emoji and to Persian, and come apart without them: they are shown where neither neighbour is ASCII.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|(?<![^\0-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\0-\x7f])/g

/** The beginning of a text. A character that takes two places is not cut in half. */
export function cut (text, length) {
  return text.slice(0, length).replace(/[\ud800-\udbff]$/, '')
}

/** A type, an id or one line of data with every character that would not be seen written out, as `\u{202e}`. */
export function visible (text) {
  return text.replace(UNSEEN, (character) => character === '\n' ? '⏎' : character === '\t' ? '⇥' : `\\u{${character.charCodeAt(0).toString(16)}}`)
}

/** The same, of a text that a stranger may have made as long as he likes. */
export function visibly (text, length) {
  return text.length > length ? `${visible(cut(text, length))}…` : visible(text)
}
