const MOST = 100

/** Adds a row at the top of a list, which keeps the newest hundred rows. */
export function addRow (list, ...cells) {
  const row = document.createElement('li')
  row.append(...cells)
  list.prepend(row)
  while (list.children.length > MOST) list.lastElementChild.remove()
}

/** A counter of received events, shown in an element. */
export class Counter {
  #count = 0
  #output

  constructor (output) {
    this.#output = output
  }

  add () {
    this.#output.textContent = String(++this.#count)
  }
}

/** Creates one cell of a row. */
export function cell (className, text) {
  const element = document.createElement('span')
  element.className = className
  element.textContent = text
  return element
}

/** Creates a cell with the time of day, by default the current time. */
export function clock (date = new Date()) {
  return cell('clock', date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }))
}
