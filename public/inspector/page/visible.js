// Texts of strangers, with invisible characters made visible.

// Characters that are invisible or change the direction of the text: controls, soft hyphen, zero-width and bidirectional marks, byte order mark.
// Emoji and Persian need joiners, which therefore stay between two characters beyond ASCII.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|(?<![^\0-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\0-\x7f])/g

/** Cuts a text to a length. A surrogate pair is not split. */
export function cut (text, length) {
  return text.slice(0, length).replace(/[\ud800-\udbff]$/, '')
}

/** Writes out the invisible characters of a type, an ID or a line of data, as `\u{202e}`. */
export function visible (text) {
  return text.replace(UNSEEN, (character) => character === '\n' ? '⏎' : character === '\t' ? '⇥' : `\\u{${character.charCodeAt(0).toString(16)}}`)
}

/** Cuts a text to a length and writes out its invisible characters. */
export function visibly (text, length) {
  return text.length > length ? `${visible(cut(text, length))}…` : visible(text)
}
