import { write } from '../page/element.js'
import { eventDetail } from './event-detail.js'
import { eventLine } from './event-row.js'
import { after } from './selection.js'
import { arrows } from './table-keys.js'
import { counted } from '../page/words.js'

/** The document holds at most this many lines. */
const MAX_LINES = 500

/** @typedef {import('./event-log.js').Entry} Entry */
/** @typedef {{ entry: Entry, line: HTMLElement, detail: HTMLElement | null }} Row */
/** @typedef {{ scroller: HTMLElement, rows: HTMLElement, earlier: HTMLElement, newest: HTMLElement }} Parts */

/**
 * A window onto the selected events. While it is scrolled to its end, it follows the newest events. Otherwise its lines stay, new events are
 * added below while there is room, and further events are only counted.
 */
export class EventTable {
  #parts
  #actions
  /** @type {Row[]} */
  #rows = []
  /** @type {Entry[]} */
  #entries = []
  /** The number of the newest event in the window. */
  #last = 0
  #follows = true
  /** Later events are not shown, because the table is paused. Infinity: it is not. */
  #pausedAt = Infinity

  /** @param {Parts} parts @param {import('./event-detail.js').Actions} actions */
  constructor (parts, actions) {
    this.#parts = parts
    this.#actions = actions
    parts.scroller.addEventListener('scroll', () => { this.#follows = this.#isAtEnd() }, { passive: true })
    parts.rows.addEventListener('click', (event) => this.#clicked(event))
    parts.rows.addEventListener('keydown', (event) => this.#pressed(event))
    parts.rows.addEventListener('focusin', (event) => this.#focused(event))
    parts.earlier.addEventListener('click', () => this.#showEarlier())
    parts.newest.addEventListener('click', () => this.#showNewest())
  }

  get lines () { return this.#rows.length }

  /** The number of selected events that are newer than the last line. */
  get newer () { return this.#entries.length - after(this.#entries, this.#last) }

  /** @param {number} lastSeq Events after this one are not shown until `resume`. */
  pause (lastSeq) {
    this.#pausedAt = lastSeq
  }

  resume () {
    this.#pausedAt = Infinity
  }

  /** Shows other entries: the filter has changed, or the log was cleared. @param {Entry[]} entries */
  reset (entries) {
    this.#entries = entries
    this.#showNewest()
  }

  /** Adds the events that have arrived since the last call. Called at most once a frame. @param {Entry[]} entries */
  update (entries) {
    this.#entries = entries
    const from = after(entries, this.#last)
    const to = after(entries, this.#pausedAt)
    if (this.#follows) {
      const taken = entries.slice(Math.max(from, to - MAX_LINES), to)
      this.#trim(this.#rows.length + taken.length - MAX_LINES)
      this.#append(taken)
      if (taken.length > 0) this.#scrollToEnd()
    } else {
      this.#append(entries.slice(from, Math.min(to, from + MAX_LINES - this.#rows.length)))
    }
    this.#showEdges()
  }

  /** @param {Entry[]} entries */
  #append (entries) {
    if (entries.length === 0) return
    const fragment = document.createDocumentFragment()
    for (const entry of entries) {
      const line = eventLine(entry)
      this.#rows.push({ entry, line, detail: null })
      fragment.append(line)
    }
    this.#parts.rows.append(fragment)
    this.#last = entries[entries.length - 1].seq
    if (!this.#hasFocus()) this.#makeTabStop(this.#rows.length - 1)
  }

  #trim (number) {
    if (number <= 0) return
    const gone = this.#rows.splice(0, number)
    const lost = gone.some(({ line, detail }) => line.contains(document.activeElement) || detail?.contains(document.activeElement))
    for (const { line, detail } of gone) {
      line.remove()
      detail?.remove()
    }
    // Otherwise the focus would move to the document, and the next arrow key would do nothing.
    if (lost && this.#rows.length > 0) this.#toggle(0).focus({ preventScroll: true })
  }

  #show (start) {
    this.#rows = []
    this.#parts.rows.replaceChildren()
    this.#last = this.#entries[start - 1]?.seq ?? 0
    const end = Math.min(start + MAX_LINES, after(this.#entries, this.#pausedAt))
    this.#append(this.#entries.slice(start, end))
    this.#showEdges()
  }

  #showNewest () {
    const hadFocus = document.activeElement === this.#parts.newest
    this.#follows = true
    this.#show(Math.max(0, after(this.#entries, this.#pausedAt) - MAX_LINES))
    this.#scrollToEnd()
    if (hadFocus) this.#goTo(this.#rows.length - 1)
  }

  /** Moves the window back by half its size: the first line becomes the middle one. */
  #showEarlier () {
    const first = this.#rows[0]?.entry.seq ?? 0
    this.#follows = false
    this.#show(Math.max(0, after(this.#entries, first - 1) - MAX_LINES / 2))
    const index = this.#rows.findIndex(({ entry }) => entry.seq === first)
    this.#goTo(Math.max(0, index - 1))
  }

  #showEdges () {
    const { earlier, newest } = this.#parts
    const hidden = after(this.#entries, (this.#rows[0]?.entry.seq ?? 1) - 1)
    earlier.hidden = hidden === 0
    write(earlier, `${counted(hidden, 'earlier event')}: show some`)
    const newer = this.#pausedAt === Infinity ? this.newer : 0
    newest.hidden = newer === 0
    write(newest, `${counted(newer, 'newer event')} ↓`)
  }

  #clicked (event) {
    const line = event.target.closest('.line')
    if (line === null || (event.target.closest('.toggle') === null && String(window.getSelection()) !== '')) return
    const index = this.#rows.findIndex((row) => row.line === line)
    if (index >= 0) this.#setOpen(index, this.#rows[index].detail === null)
  }

  #pressed (event) {
    const index = this.#rows.findIndex(({ line }) => line.contains(event.target))
    const asked = index < 0 || event.altKey || event.ctrlKey || event.metaKey ? null : arrows(event.key, index, this.#rows.length)
    if (asked === null) return
    event.preventDefault()
    if (typeof asked === 'number') this.#goTo(asked)
    else this.#setOpen(index, asked === 'open')
  }

  #focused (event) {
    const index = this.#rows.findIndex(({ line }) => line.contains(event.target))
    if (index >= 0) this.#makeTabStop(index)
  }

  #setOpen (index, open) {
    const row = this.#rows[index]
    if (open === (row.detail !== null)) return
    this.#toggle(index).setAttribute('aria-expanded', String(open))
    if (open) {
      row.detail = eventDetail(row.entry, this.#actions)
      row.line.after(row.detail)
      // New events must not push an opened line away.
      this.#follows = false
      row.detail.scrollIntoView({ block: 'nearest' })
      row.line.scrollIntoView({ block: 'nearest' })
    } else {
      row.detail?.remove()
      row.detail = null
      this.#follows = this.#isAtEnd()
    }
  }

  #goTo (index) {
    if (this.#rows.length === 0) return
    this.#follows = false
    this.#toggle(index).focus()
    if (index === this.#rows.length - 1) this.#follows = this.#isAtEnd()
  }

  #makeTabStop (index) {
    this.#parts.rows.querySelector('.toggle[tabindex="0"]')?.setAttribute('tabindex', '-1')
    this.#toggle(index).setAttribute('tabindex', '0')
  }

  #toggle (index) { return /** @type {HTMLElement} */ (this.#rows[index].line.querySelector('.toggle')) }

  #hasFocus () { return this.#parts.rows.contains(document.activeElement) }

  #isAtEnd () {
    const { scrollTop, scrollHeight, clientHeight } = this.#parts.scroller
    return scrollTop + clientHeight >= scrollHeight - 8
  }

  #scrollToEnd () {
    this.#parts.scroller.scrollTop = this.#parts.scroller.scrollHeight
  }
}
