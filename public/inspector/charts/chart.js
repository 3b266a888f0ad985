import { SPAN } from './per-second.js'

const SVG = 'http://www.w3.org/2000/svg'
const HEIGHT = 100
const STEPS = [1, 2, 2.5, 5, 10]

// The SVG charts of the last minute, which know nothing of events.

/** Rounds a value up to a round number, so that the axis does not change with every event. */
function ceiling (value) {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * STEPS.find((step) => value <= step * power * 1.000001)
}

function path (svg, name) {
  const made = document.createElementNS(SVG, 'path')
  made.classList.add(name)
  return svg.appendChild(made)
}

function canvas (svg) {
  svg.setAttribute('viewBox', `0 0 ${SPAN + 1} ${HEIGHT}`)
  svg.setAttribute('preserveAspectRatio', 'none')
}

/** A chart with one bar for each second. */
export class BarChart {
  #bars

  /** @param {SVGElement} svg An empty element. */
  constructor (svg) {
    canvas(svg)
    this.#bars = path(svg, 'bars')
  }

  /** @param {number[]} values @returns {number} The value at the top edge. */
  draw (values) {
    const top = ceiling(Math.max(4, ...values))
    this.#bars.setAttribute('d', values.map((value, i) => {
      if (value === 0) return ''
      // A single event among thousands must stay visible.
      const height = Math.max(2, value / top * HEIGHT)
      return `M${i + 0.1} ${HEIGHT}v${-height.toFixed(2)}h.8v${height.toFixed(2)}z`
    }).join(''))
    return top
  }
}

/** A chart with a line through the means of the seconds, and a band from least to greatest value. Seconds without values are left out. */
export class BandChart {
  #band
  #mean
  #zero

  /** @param {SVGElement} svg An empty element. */
  constructor (svg) {
    canvas(svg)
    this.#band = path(svg, 'band')
    this.#zero = path(svg, 'zero')
    this.#mean = path(svg, 'mean')
  }

  /** @param {Array<{ mean: number, min: number, max: number } | null>} seconds @returns {{ top: number, bottom: number }} The values at the edges. */
  draw (seconds) {
    const known = seconds.flatMap((second, i) => second === null ? [] : [{ x: i + 0.5, ...second }])
    const least = Math.min(0, ...known.map(({ min }) => min))
    const greatest = Math.max(0, ...known.map(({ max }) => max))
    const top = greatest === 0 && least < 0 ? 0 : ceiling(Math.max(1, greatest))
    const bottom = least === 0 ? 0 : -ceiling(-least)
    const y = (value) => (HEIGHT - (value - bottom) / (top - bottom) * HEIGHT).toFixed(2)
    this.#band.setAttribute('d', known.map(({ x, min, max }) => {
      // The band of a second with one event would have no height.
      const height = Math.max(2, Number(y(min)) - Number(y(max)))
      return `M${x - 0.5} ${y(max)}h1v${height.toFixed(2)}h-1z`
    }).join(''))
    this.#mean.setAttribute('d', known.map(({ x, mean }, i) => {
      const joins = i > 0 && x - known[i - 1].x <= 5
      return `${joins ? 'L' : 'M'}${x} ${y(mean)}${joins ? '' : 'h.01'}`
    }).join(''))
    this.#zero.setAttribute('d', bottom < 0 && top > 0 ? `M0 ${y(0)}h${SPAN + 1}` : '')
    return { top, bottom }
  }
}
