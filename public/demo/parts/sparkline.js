const SVG = 'http://www.w3.org/2000/svg'
const WIDTH = 300
const HEIGHT = 72
const SPAN = 60_000

/** The last minute of one value, as a line over a faint area. */
export class Sparkline {
  #points = []
  #ceiling
  #area
  #line

  /**
   * @param {SVGElement} svg An empty element.
   * @param {number} ceiling The value at the top edge, unless a point is higher.
   */
  constructor (svg, ceiling) {
    this.#ceiling = ceiling
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`)
    svg.setAttribute('preserveAspectRatio', 'none')
    this.#area = svg.appendChild(document.createElementNS(SVG, 'path'))
    this.#area.classList.add('area')
    this.#line = svg.appendChild(document.createElementNS(SVG, 'path'))
    this.#line.classList.add('line')
  }

  /** @param {number} at Milliseconds since 1970. */
  add (at, value) {
    this.#points.push({ at, value })
    // One point beyond the left edge stays, so the line begins at the edge.
    while (this.#points.length > 2 && this.#points[1].at < at - SPAN) this.#points.shift()
    this.#draw(at)
  }

  #draw (now) {
    const top = Math.max(this.#ceiling, ...this.#points.map(({ value }) => value * 1.15))
    const places = this.#points.map(({ at, value }) => {
      const x = WIDTH - (now - at) / SPAN * WIDTH
      const y = HEIGHT - 2 - value / top * (HEIGHT - 4)
      return `${x.toFixed(1)} ${y.toFixed(1)}`
    })
    const line = `M${places.join('L')}`
    const left = WIDTH - (now - this.#points[0].at) / SPAN * WIDTH
    this.#line.setAttribute('d', line)
    this.#area.setAttribute('d', `${line}L${WIDTH} ${HEIGHT}L${left.toFixed(1)} ${HEIGHT}Z`)
  }
}
