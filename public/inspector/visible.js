// What shows nothing, or turns the direction of what follows: controls, soft hyphen, zero-width and bidirectional marks, the byte order mark.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** A type, an id or one line of data with every character that would not be seen written out, as `\u{202e}`. */
export function visible (text) {
  return text.replace(UNSEEN, (character) => character === '\n' ? '⏎' : character === '\t' ? '⇥' : `\\u{${character.charCodeAt(0).toString(16)}}`)
}
