import { BandChart, BarChart } from './chart.js'
import { write } from '../page/element.js'
import { PerSecond, SPAN } from './per-second.js'
import { count, counted, duration } from '../page/words.js'

/** Both charts with their texts: events per second and arrival delay, over the last minute. */
export class Charts {
  #rate = new PerSecond()
  #delay = new PerSecond()
  #meter
  #bars
  #band
  #at

  /** @param {(id: string) => HTMLElement} at @param {import('./delay.js').DelayMeter} meter */
  constructor (at, meter) {
    this.#at = at
    this.#meter = meter
    this.#bars = new BarChart(at('rate-chart'))
    this.#band = new BandChart(at('delay-chart'))
  }

  /** @param {{ at: number, delay: number | null }} event */
  add ({ at, delay }) {
    this.#rate.add(at)
    if (delay !== null) this.#delay.add(at, delay)
  }

  /** Forgets the delays, which were measured by another time field. */
  forgetDelays () {
    this.#delay.clear()
  }

  clear () {
    this.#rate.clear()
    this.#delay.clear()
  }

  draw (now) {
    const numbers = this.#rate.seconds(now).map((second) => second === null ? 0 : second.number)
    write(this.#at('rate-top'), count(this.#bars.draw(numbers)))
    // The last complete second: the number of the current second is still too small.
    write(this.#at('rate'), count(numbers[SPAN - 1]))
    const sum = numbers.reduce((all, number) => all + number, 0)
    write(this.#at('rate-note'), sum === 0 ? 'None in the last minute.' : `${counted(sum, 'event')} in the last minute, at most ${count(Math.max(...numbers))} per second.`)
    this.#drawDelay(now)
  }

  #drawDelay (now) {
    const seconds = this.#delay.seconds(now)
    const { top, bottom } = this.#band.draw(seconds)
    const latest = seconds.findLast((second) => second !== null)
    write(this.#at('delay'), latest ? duration(latest.mean) : '–')
    write(this.#at('delay-top'), latest ? duration(top) : '')
    write(this.#at('delay-bottom'), bottom < 0 ? duration(bottom) : '')
    write(this.#at('delay-note'), this.#explanation())
    const { field, wanted } = this.#meter
    if (wanted === '') this.#at('time-field').placeholder = field === null ? 'found automatically' : `${field} (found automatically)`
  }

  #explanation () {
    const { field, wanted } = this.#meter
    if (field !== null) return `From the time in “${field}” to the arrival here. The times come from two clocks, so the delay contains their difference and may be negative. Line: mean; band: shortest to longest.`
    if (wanted !== '') return `No payload so far has a time in “${wanted}” (milliseconds since 1970, or ISO 8601).`
    return 'Known only for payloads that contain a time. None so far has one in at, time, timestamp or ts (milliseconds since 1970, or ISO 8601).'
  }
}
