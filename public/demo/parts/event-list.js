const MOST = 100

/** Puts a row at the top of a list that holds the newest hundred. */
export function addRow (list, ...cells) {
  const row = document.createElement('li')
  row.append(...cells)
  list.prepend(row)
  while (list.children.length > MOST) list.lastElementChild.remove()
}

/** Adds up what has come. */
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

/** A piece of a row. */
export function cell (className, text) {
  const element = document.createElement('span')
  element.className = className
  element.textContent = text
  return element
}

/** The time of day, now or then. */
export function clock (date = new Date()) {
  return cell('clock', date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }))
}
