import { write } from '../page/element.js'
import { statusWords } from './status-words.js'

/**
 * The status as a chip and a sentence, with a countdown to the next attempt. Screen readers announce the status only: the countdown changes
 * every second.
 */
export class StatusLine {
  #chip
  #words
  #countdown
  #timer = 0

  /** @param {HTMLElement} line The live region. @param {HTMLElement} countdown */
  constructor (line, countdown) {
    this.#chip = /** @type {HTMLElement} */ (line.querySelector('.chip'))
    this.#words = /** @type {HTMLElement} */ (line.querySelector('.words'))
    this.#countdown = countdown
  }

  /** @param {any} status The status of the client's stream. @param {'fetch' | 'eventsource'} transport */
  show (status, transport) {
    this.#chip.dataset.state = status.state
    write(this.#chip, status.state)
    write(this.#words, statusWords(status, transport))
    clearInterval(this.#timer)
    write(this.#countdown, '')
    if (status.state !== 'waiting' || status.retryAt === null) return
    const tick = () => write(this.#countdown, remaining(status.retryAt - Date.now()))
    this.#timer = setInterval(tick, 200)
    tick()
  }
}

function remaining (milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000)
  return seconds <= 0 ? 'Next attempt now.' : `Next attempt in ${seconds} s.`
}
